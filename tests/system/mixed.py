"""A mixed batch with, for each line, what must become of it."""

import json
import random

GSM_EXTRA = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
EXTENSION = "^{}\\[~]|€"
ASCII = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,:;!?'()/-+"
WIDE = "привет мир日本語한국어مرحبا☃✓"
EMOJI = "😀🚀👍🎉"


class Expected:
    def __init__(self, status, code=None, number=None, text=None, encoding=None, parts=None, ident=None):
        self.status, self.code, self.number, self.text = status, code, number, text
        self.encoding, self.parts, self.ident = encoding, parts, ident


def gsm_septets(text):
    return sum(2 if c in EXTENSION else 1 for c in text)


def gsm_parts(text):
    """Parts of 153 septets, an escape pair never split."""
    if gsm_septets(text) <= 160:
        return 1
    parts, used = 1, 0
    for c in text:
        width = 2 if c in EXTENSION else 1
        if used + width > 153:
            parts, used = parts + 1, 0
        used += width
    return parts


def ucs2_parts(text):
    """Parts of 67 UTF-16 units, a surrogate pair never split."""
    widths = [len(c.encode("utf-16-be")) // 2 for c in text]
    if sum(widths) <= 70:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > 67:
            parts, used = parts + 1, 0
        used += width
    return parts


def mixed_batch(lines, seed, prefix="49", bad=True):
    """(octets of the batch, {line number: Expected}); every message has a number of its own, 49170 followed by its line."""
    draw = random.Random(seed)
    out, expected = [], {}

    def some(alphabet, low, high):
        # No space at either end and no two alike in a row: nothing that a reader might be tempted to trim.
        text = "".join(draw.choice(alphabet) for _ in range(draw.randint(low, high)))
        return "x" + text + "x"

    for line in range(1, lines + 1):
        number = f"{prefix}170{line:07d}"
        ident = f"m-{line}"
        message = {"to": number, "id": ident}
        kind = draw.random()
        if kind < 0.40:
            text = some(ASCII, 0, 158)
        elif kind < 0.55:
            text = some(ASCII + GSM_EXTRA + EXTENSION, 0, 100)
        elif kind < 0.65:
            text = some(ASCII + EXTENSION * 3, 150, 600)
        elif kind < 0.80:
            text = some(WIDE + EMOJI + ASCII, 0, 35) + "я"
        elif kind < 0.90:
            text = some(WIDE + EMOJI * 4, 60, 250)
        else:
            text = None
        if text is not None or not bad:
            text = text if text is not None else some(ASCII, 0, 50)
            plain = all(c in ASCII + GSM_EXTRA + EXTENSION + "x" for c in text)
            message["text"] = text
            if draw.random() < 0.3:
                message["from"] = draw.choice(["ACME", "4917712345", "Shop 24"])
            if draw.random() < 0.2:
                message["to"] = draw.choice(["+", "00"]) + f"{number[:2]} ({number[2:5]}) {number[5:8]}-{number[8:]}"
            if draw.random() < 0.1:
                message["priority"] = draw.choice(["bulk", "normal", "urgent"])
            if draw.random() < 0.1:
                message["tags"] = {"campaign": "x"}
            expected[line] = Expected("sent", number=number, text=text, encoding="gsm7" if plain else "ucs2",
                                      parts=gsm_parts(text) if plain else ucs2_parts(text), ident=ident)
            out.append(json.dumps(message, ensure_ascii=draw.random() < 0.5))
            continue
        message["text"] = some(ASCII, 0, 50)
        fault = draw.randrange(13)
        want = Expected("rejected", number=number, ident=ident)
        raw = None
        if fault == 0:
            raw, want.code = "this is not JSON", "bad_json"
        elif fault == 1:
            raw, want.code = json.dumps(message)[:-3], "bad_json"
        elif fault == 2:
            raw, want.code = json.dumps(message) + json.dumps(message), "bad_json"
        elif fault == 3:
            message["tesxt"], want.code = "x", "bad_field"
        elif fault == 4:
            del message["to"]
            want.code = ("bad_number", "bad_field")
        elif fault == 5:
            message["to"], want.code = draw.choice(["12", "0170123456", "49170abc", "1234567890123456", ""]), "bad_number"
        elif fault == 6:
            message["from"], want.code = draw.choice(["Twelve chars", "Ümlaut", "1234567890123456"]), "bad_sender"
        elif fault == 7:
            message["text"], want.code = "y" * 2000, "too_long"
        elif fault == 8:
            message["text"], message["encoding"], want.code = "snow ☃", "gsm7", "cannot_encode"
        elif fault == 9:
            message["to"], want.code = "33" + number[2:], "no_route"
        elif fault == 10:
            del message["text"]
            want.code = "bad_field"
        elif fault == 11:
            message["text"], want.code = 7, "bad_field"
        else:
            message["validity"] = "2020-01-01T00:00:00Z"
            want.status = "expired"
        expected[line] = want
        out.append(raw if raw is not None else json.dumps(message))
    return ("\n".join(out) + "\n").encode(), expected
