"""The one table of colours, for the page in both schemes and for the terminal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shade:
    """Text on a ground, in the light and in the dark scheme, and the nearest style of a terminal.

    A verdict is never told by colour alone; so that its word can be read, text on ground has a contrast of at least 4.5
    (WCAG AA).
    """

    light: tuple[str, str]
    dark: tuple[str, str]
    terminal: str = ""


SHADES: dict[str, Shade] = {
    "PROVED": Shade(("#0b4f3c", "#d5f0e3"), ("#a9ecd0", "#0d3b2e"), "bold green"),
    "SUPPORTED": Shade(("#12458a", "#dce8fb"), ("#b8d4ff", "#16325c"), "bold blue"),
    "UNDECIDED": Shade(("#5c4700", "#f8ebc2"), ("#f3dc95", "#453607"), "bold yellow"),
    "REFUTED": Shade(("#8c1d18", "#fde0dc"), ("#ffbdb3", "#5a1a15"), "bold red"),
    "hole": Shade(("#ffffff", "#6a2a86"), ("#1d1026", "#dcb0f2"), "bold magenta"),
    "page": Shade(("#1c1b1a", "#fffefb"), ("#e6e3dd", "#161719")),
    "quiet": Shade(("#5a5751", "#f4f2ec"), ("#b3aea5", "#1f2124")),
    "link": Shade(("#0b4a8f", "#fffefb"), ("#9cc7ff", "#161719")),
    "line": Shade(("#d9d5cb", "#fffefb"), ("#3b3d41", "#161719")),  # rules between rows: nothing is written in it
}

# Lines and marks of a figure on the light page, told apart by the colour-blind (Okabe and Ito, the lighter ones
# darkened until they have a contrast of 4.5 on the page); a series also has a mark of its own.
SERIES = ("#0072b2", "#c44e00", "#00805c", "#a8487f", "#4a4a4a")


def properties(scheme: str) -> str:
    """Return the CSS properties of one scheme, "light" or "dark": --<name>-text and --<name>-ground of each shade."""
    pairs = ((name.lower(), getattr(shade, scheme)) for name, shade in SHADES.items())
    return " ".join(f"--{name}-text: {text}; --{name}-ground: {ground};" for name, (text, ground) in pairs)
