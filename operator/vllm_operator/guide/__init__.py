"""The guide: the page of a model for its users, as one HTML document that loads nothing else.

```
calls.py              what can be asked of a model, in words
examples.py           one call as a program to copy; the programs are files of programs/
markup.py             the document and its headers; its HTML is in page.html and form.html
style.css, script.js  the same for every model, so that the content security policy allows each by its hash
files.py              reads these files
```

Everybody may read the page, so this package knows the public facts of a model and nothing of its clients. Pure: the same facts
give the same bytes.
"""

from vllm_operator.guide.markup import HEADERS, PATH, Facts, document

__all__ = ["HEADERS", "PATH", "Facts", "document"]
