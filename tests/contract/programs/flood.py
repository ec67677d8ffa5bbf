"""Long requests at once, until one finds the queue full; then all hang up.

    flood.py ADDRESS COUNT      the key is in the environment

Prints status, headers and body of the first answer.
"""

import asyncio
import json
import os
import ssl
import sys

import aiohttp

ADDRESS, COUNT = sys.argv[1], int(sys.argv[2])
HEADERS = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
PARAMETERS = {"model": "facebook/opt-125m", "prompt": "The future", "max_tokens": 3000, "ignore_eos": True}


async def ask(session: aiohttp.ClientSession) -> dict[str, object]:
    """Return what one request was answered."""
    async with session.post(f"{ADDRESS}/v1/completions", headers=HEADERS, json=PARAMETERS) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return {"status": answer.status, "headers": headers, "body": await answer.text()}


async def main() -> None:
    """Ask, print what came first, and hang up."""
    trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=trusted)) as session:
        asking = [asyncio.create_task(ask(session)) for _ in range(COUNT)]
        done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED, timeout=120)
        for task in waiting:
            task.cancel()
        sys.stdout.write(json.dumps(done.pop().result()))


asyncio.run(main())
