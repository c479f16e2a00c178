"""From the bytes of a mail to its headers, its parts and their links. Pure, and safe on hostile bytes.

    headers  who sent it, when, about what; the mail's identity     parts   walking the MIME tree
    markup   links of HTML                                          plain   links of text
    pdf      links of a PDF: annotations and text                   compose a JSON mail as bytes

`parse` is the doorway; lxml and pypdf load on first use.
"""

from mingus_lib.domain.mailparse.compose import compose
from mingus_lib.domain.mailparse.headers import looks_like_mail, read_head
from mingus_lib.domain.mailparse.parts import parse

__all__ = ["compose", "looks_like_mail", "parse", "read_head"]
