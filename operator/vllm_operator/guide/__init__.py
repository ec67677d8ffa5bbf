"""The guide: what the users of a model are given, as one HTML document that needs nothing but itself.

```
requests.py      what can be asked of a model, in words
examples.py   one call as a program to copy: curl, Python, Node, PHP
markup.py     all of it as HTML, escaped
style.css     constant for every model, and so are their hashes in the content security policy
script.js     "
```

Anybody may read it, so it knows the public facts of a model and nothing of its clients. Pure: the same facts make the same bytes.
"""

from vllm_operator.guide.markup import HEADERS, PATH, Facts, document

__all__ = ["HEADERS", "PATH", "Facts", "document"]
