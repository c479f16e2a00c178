"""rq-dashboard's pages made fit for a strict policy: its templates compiled here, every value in them escaped.

Its scripts fill underscore templates in the browser, which needs `eval` and, as they are written, puts text of
jobs into the page as markup. The same templates, as functions that escape, need neither trust.
"""

from __future__ import annotations

import json
import re

_TEMPLATE = re.compile(r'<script name="[\w-]+" type="text/template">(.*?)</script>', re.DOTALL)
_PIECE = re.compile(r"<%([=-]?)(.*?)%>", re.DOTALL)
# Escaping of their own, which ours would double.
_ESCAPES = re.compile(r"\$\('<div/>'\)\.text\((.*?)\)\.html\(\)")
_INLINE = '<script type="text/javascript">'
_BRAND = '<a class="navbar-brand">RQ-dashboard</a>'
_RUNTIME = """
(function () {
  var marks = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"};
  function text(value) {
    return value == null ? "" : String(value).replace(/[&<>"']/g, function (mark) { return marks[mark]; });
  }
  var compiled = {%s};
  _.template = function (source) { return compiled[source]; };
  $.ajaxSetup({headers: {"X-CSRFToken": %s}});
})();
"""


def tame(html: str, nonce: str, form_token: str, home: str) -> str:
    """The page with its inline script allowed by `nonce`, its templates compiled, `form_token` in its requests.

    Its brand leads back to `home`, the address of our own pages.
    """
    compiled = ",".join(f"{_quoted(source)}: {_compiled(source)}" for source in _TEMPLATE.findall(html))
    runtime = _RUNTIME % (compiled, _quoted(form_token))
    allowed = f'<script type="text/javascript" nonce="{nonce}">'
    html = html.replace(_BRAND, f'<a class="navbar-brand" href="{home}">‹ mingus</a>')
    return html.replace(_INLINE, f"{allowed}{runtime}</script>\n{allowed}")


def _compiled(source: str) -> str:
    """JavaScript of a function that fills the template; `with` finds the names as underscore does."""
    body, at = "", 0
    for piece in _PIECE.finditer(source):
        body += f"out += {_quoted(source[at : piece.start()])};\n"
        code = _ESCAPES.sub(r"\1", piece[2].strip())
        body += f"out += text({code});\n" if piece[1] else f"{code}\n"
        at = piece.end()
    return f'function (data) {{ var out = ""; with (data) {{ {body} out += {_quoted(source[at:])}; }} return out; }}'


def _quoted(text: str) -> str:
    # A script ends at the first `</script`, also inside quotes.
    return json.dumps(text).replace("<", "\\u003c")
