"""What readers, screen readers and machines without a network may ask of the pages, checked on their bytes.

Links and anchors arrive, nothing is requested from elsewhere, every picture has a text, ids are unique, formulas are
set, and text in the style sheet has a contrast of 4.5 on its ground in both colour schemes (WCAG AA).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

CONTRAST = 4.5
POLICY = "default-src 'none'"
GROUNDS = ("page", "quiet")  # what a rule that names no ground of its own may stand on

_ADDRESSES = {"src", "srcset", "data", "action", "poster", "background", "xlink:href"}
_HIDDEN = {"aria-hidden": "true", "role": "presentation"}
_SCHEME = re.compile(r":root\s*\{([^}]*)\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_PROPERTY = re.compile(r"--([\w-]+):\s*(#[0-9a-fA-F]{6})")
_COLOUR = re.compile(r"(?<![\w-])(color|background(?:-color)?):\s*(?:var\(--([\w-]+)\)|(#[0-9a-fA-F]{3,6}))")
_UNSET = re.compile(r"<code>[^<]*\\(?:frac|left|begin|text|sqrt|cdot|times|partial)\b")
_SCRIPTED = re.compile(r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|importScripts|sendBeacon)\b")


@dataclass
class Page(HTMLParser):
    """What a page consists of, as far as it is checked."""

    text: str
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    hidden: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        found = {name: value or "" for name, value in attrs}
        hidden = any(found.get(name) == value for name, value in _HIDDEN.items())
        if tag not in _VOID:
            self.open.append((tag, hidden))
            self.hidden += hidden
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.labels += [name for key in _REFERENCES for name in found.get(key, "").split()]
        self.requests += [
            f"<{tag} {name}>"
            for name, value in found.items()
            if (name in _ADDRESSES or (name == "href" and tag not in {"a"})) and not value.startswith(("data:", "#"))
        ]
        self.requests += [f"<{tag} {name}>" for name in found if name.startswith("on")]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(found["content"])
        if tag in {"img", "svg"} and not (self.hidden or hidden or _named(tag, found)):
            self.unnamed.append(f"<{tag} {found.get('id') or found.get('class') or ''}>".replace(" >", ">"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an empty tag says."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        while self.open:
            name, hidden = self.open.pop()
            self.hidden -= hidden
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        """Note programs and style sheets."""
        if self.open and self.open[-1][0] in {"script", "style"}:
            self.code.append(data)


_VOID = {"meta", "link", "img", "br", "hr", "input"}
_REFERENCES = ("aria-labelledby", "aria-describedby", "for")


def _named(tag: str, found: Mapping[str, str]) -> bool:
    if tag == "img":
        return "alt" in found
    return bool(found.get("aria-label") or found.get("aria-labelledby"))


def faults(pages: Mapping[str, str]) -> list[str]:
    """Say what is wrong with a site, of all its pages by their names; empty if nothing is."""
    read = {name: Page(text) for name, text in pages.items()}
    return [f"{name}: {fault}" for name, page in read.items() for fault in _of_page(name, page, read)]


def _of_page(name: str, page: Page, site: Mapping[str, Page]) -> Iterator[str]:
    yield from (f"the id {each} occurs {count} times" for each, count in Counter(page.ids).items() if count > 1)
    yield from (f"a label refers to {each}, which is not there" for each in page.labels if each not in page.ids)
    for link in page.links:
        yield from _of_link(link, name, site)
    yield from (f"{each} asks for something outside the page" for each in page.requests)
    yield from (f"{each} has no text alternative" for each in page.unnamed)
    if _UNSET.search(page.text):
        yield "a formula could not be set and shows its LaTeX"
    if len(page.policies) != 1 or not page.policies[0].startswith(POLICY):
        yield f"its policy is not {POLICY} and what stands in the page"
    for code in page.code:
        if "url(" in code or "@import" in code or _SCRIPTED.search(code):
            yield "its style sheet or program asks for something outside the page"
    for css in re.findall(r"<style>(.*?)</style>", page.text, flags=re.DOTALL):
        yield from contrasts(css)


def _of_link(link: str, name: str, site: Mapping[str, Page]) -> Iterator[str]:
    if link.startswith(("https://", "http://")):
        return
    file, _, anchor = link.partition("#")
    target = site.get(unquote(file) or name)
    if target is None:
        yield f"the link {link} leads to no page"
    elif anchor and unquote(anchor) not in target.ids:
        yield f"the link {link} leads to no place of its page"


def luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2.2 defines it, of a colour such as #0b4f3c or #fff."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def contrasts(css: str) -> list[str]:
    """Say which rules of a style sheet set text that cannot be read on its ground, in the light or the dark scheme.

    The first `:root` is the light scheme, the second the dark one. A rule that sets a colour and no ground is tried on
    that of the page and on that of boxes; `inherit`, `currentColor` and `transparent` set no colour.
    """
    schemes = [dict(_PROPERTY.findall(body)) for body in _SCHEME.findall(css)]
    if len(schemes) != 2:
        return [f"its style sheet has {len(schemes)} schemes of colours and not two"]
    found = []
    for scheme, colours in zip(("light", "dark"), schemes, strict=True):
        for selector, body in _RULE.findall(_SCHEME.sub("", css)):
            rule = f"{' '.join(selector.split())} in the {scheme} scheme"
            found += [f"{rule}: {fault}" for fault in _of_rule(body, colours)]
    return found


def _of_rule(body: str, colours: Mapping[str, str]) -> Iterator[str]:
    said = {}
    for kind, name, literal in _COLOUR.findall(body):
        if name and name not in colours:
            yield f"there is no colour {name}"
            return
        said[kind.partition("-")[0]] = literal or colours[name]
    if "color" in said:
        own = {"its ground": said["background"]} if "background" in said else {}
        for name, ground in (own or {name: colours[f"{name}-ground"] for name in GROUNDS}).items():
            if (ratio := contrast(said["color"], ground)) < CONTRAST:
                yield f"contrast {ratio:.2f} on {name}"
