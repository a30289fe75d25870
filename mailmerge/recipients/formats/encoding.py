"""Bytes -> their encoding: byte order marks, then strict decoding, then scores with a notice.

The chosen codec decodes every byte of the file strictly. There is never a replacement character,
and Latin-1 is never chosen because it fits everything. A choice that is not certain gives a notice
with an example, and `encoding = "..."` in campaign.toml settles it.

If the file is not UTF-8 and has no byte order mark, codecs are scored. A file that mixes UTF-8 with
another encoding is refused, with the first line that does not fit. Otherwise each code page that
decodes all lines gets a score: how much its text looks like words of one script, with the letters
that are common in the languages of the code page. Among equal scores, names decide.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.formats.letters import likelihood

_BLOCK = 1 << 20
_SAMPLE = 1 << 16
_LONGEST_LINE = 1 << 20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The most common first: it wins among equals.
_EAST_ASIAN = ("gb18030", "cp950", "cp932", "cp949", "euc_jp")
_WINDOWS = tuple(f"cp{number}" for number in (1252, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258))
# Those of Macintosh, of Unix and of MS-DOS, which Excel and old programs still write.
_OTHERS = (
    "cp874", "iso8859_2", "koi8_r", "mac_roman", "mac_latin2", "cp866", "cp850", "cp852", "koi8_u",
    "iso8859_5", "iso8859_7", "mac_cyrillic", "mac_greek", "mac_turkish", "cp857", "cp1125",
    "iso8859_6",
)  # fmt: skip
_ONE_BYTE = (*_WINDOWS, *_OTHERS)
_LEAST_SCORE = 0.5
"""The score of a text whose words could all be words. A lower one is no reading, but a guess."""
_NAMES = {
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "gb18030": "GB18030",
    "cp950": "Big5",
    "cp932": "Shift-JIS",
    "cp949": "EUC-KR",
    "euc_jp": "EUC-JP",
    "iso2022_jp": "ISO-2022-JP",
    "iso2022_kr": "ISO-2022-KR",
    "hz": "HZ",
    "iso8859_6": "ISO 8859-6",
    "cp874": "Windows-874",
    "iso8859_2": "ISO 8859-2",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
    "mac_latin2": "Mac Central European",
    "cp866": "DOS 866",
    "cp850": "DOS 850",
    "cp852": "DOS 852",
    "koi8_u": "KOI8-U",
    "iso8859_5": "ISO 8859-5",
    "iso8859_7": "ISO 8859-7",
    "mac_cyrillic": "Mac Cyrillic",
    "mac_greek": "Mac Greek",
    "mac_turkish": "Mac Turkish",
    "cp857": "DOS 857",
    "cp1125": "DOS 1125",
    **{codec: f"Windows-{codec[2:]}" for codec in _WINDOWS},
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of Python that reads the file, and the notice about it (None if it is certain)."""

    codec: str
    notice: Problem | None = None


def decide_encoding(stream: BinaryIO, file: str, wanted: str = "") -> Encoding:
    """Find how the file is encoded; `wanted` is what campaign.toml says, or "".

    The whole file is decoded once, in constant memory.

    Raises:
        SpreadsheetError: no encoding fits, several are mixed (it names line and byte), or `wanted`
            is unknown or wrong.
    """
    if wanted:
        return Encoding(_wanted_codec(stream, file, wanted))
    stream.seek(0)
    head = stream.read(_SAMPLE)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            _require(stream, file, codec)
            certain = codec == "utf-8-sig"
            return Encoding(codec, None if certain else _notice(file, codec, head))
    wide = _unmarked_utf_16(head)
    if wide:
        _require(stream, file, wide)
        return Encoding(wide, _notice(file, wide, head))
    if _first_bad(stream, "utf-8") is None:
        # ISO 2022 is ASCII with escapes: Japanese shows as letters and signs.
        for codec, sign in _SEVEN_BITS.items():
            if sign.search(head) and _first_bad(stream, codec) is None:
                return Encoding(codec, _notice(file, codec, head))
        return Encoding("utf-8")
    return _best_scored(stream, file)


_SEVEN_BITS = {
    "iso2022_jp": re.compile(rb"\x1b\$[@B]"),
    "iso2022_kr": re.compile(rb"\x1b\$\)C"),
    "hz": re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}"),
}
"""Encodings of East Asia whose bytes are all ASCII, and the signs of each."""


def _wanted_codec(stream: BinaryIO, file: str, wanted: str) -> str:
    try:
        # Unlike codecs.lookup, this knows that rot13 does not encode text.
        io.TextIOWrapper(io.BytesIO(), wanted).detach()
        codec = codecs.lookup(wanted).name
    except LookupError as error:
        raise SpreadsheetError(
            tr('there is no encoding "{wanted}"', wanted=wanted),
            file=file,
            hint=tr('use a name such as "utf-8", "gb18030" or "windows-1252"'),
            code="encoding-unknown",
        ) from error
    # A byte order mark is not part of the first header.
    codec = "utf-8-sig" if codec == "utf-8" else codec
    _require(stream, file, codec)
    return codec


def _unmarked_utf_16(head: bytes) -> str:
    """The codec of UTF-16 without a mark: addresses are ASCII, so every other byte is often 0."""
    head = head[: len(head) // 2 * 2]
    high, low = head[0::2].count(0), head[1::2].count(0)
    if max(high, low) < len(head) // 2 * 0.2:
        return ""
    codec = "utf-16-be" if high > low else "utf-16-le"
    try:
        text = codecs.getincrementaldecoder(codec)("strict").decode(head)
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else codec


# -- strict decoding ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _BadByte:
    """The first byte that a codec does not read: its place and its value."""

    offset: int
    line: int
    byte: int


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while block := stream.read(_BLOCK):
        yield block
    yield b""


def _first_bad(stream: BinaryIO, codec: str) -> _BadByte | None:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    read = 0
    for block in _blocks(stream):
        read += len(block)
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # The error's object is what the decoder had kept, followed by this block.
            offset = read - len(error.object) + error.start
            return _BadByte(offset, _line_of(stream, codec, offset), error.object[error.start])
    return None


def _line_of(stream: BinaryIO, codec: str, offset: int) -> int:
    """The number of the line, as an editor counts it, that has the byte at `offset`."""
    stream.seek(0)
    before = stream.read(offset).decode(codec, "replace")
    return len(re.findall(r"\r\n|\n|\r", before)) + 1


def _require(stream: BinaryIO, file: str, codec: str) -> None:
    bad = _first_bad(stream, codec)
    if bad is not None:
        name = _NAMES.get(codec, codec.removesuffix("-sig").upper())
        raise _undecodable(file, bad, tr("is not {name}, unlike the text before it", name=name))


def _undecodable(file: str, bad: _BadByte, what: str) -> SpreadsheetError:
    return SpreadsheetError(
        tr(
            "line {line}, byte {offset} (hex {byte:02X}) {what}",
            line=bad.line,
            offset=bad.offset,
            byte=bad.byte,
            what=what,
        ),
        file=file,
        row=bad.line,
        hint=tr('save the file as UTF-8, or set encoding = "..." under [recipients]'),
        code="encoding-mixed",
    )


# -- scores ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines that are not ASCII: how many are UTF-8, how many not, and some of the latter."""

    utf_8: int
    other: int
    sample: bytes


def _best_scored(stream: BinaryIO, file: str) -> Encoding:
    lines = _sort_lines(stream)
    if lines.utf_8 >= lines.other:
        bad = _first_bad(stream, "utf-8")
        if bad is not None:
            raise _undecodable(
                file, bad, tr("is not UTF-8, which other lines are: encodings are mixed")
            )
    ranked = sorted(_scores(lines.sample).items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] < _LEAST_SCORE:
        bad = _first_bad(stream, "utf-8")
        raise _undecodable(
            file, bad or _BadByte(0, 1, 0), tr("fits no encoding that this program knows")
        )
    likely = [name for name, score in ranked if score >= ranked[0][1] - _NEAR]
    if ranked[0][0] in _ONE_BYTE and not set(likely[:1]) & set(_EAST_ASIAN):
        codec = _most_likely(likely, lines.sample, returns=_has_only_returns(stream))
    else:
        equal = [name for name, score in ranked if score >= ranked[0][1] - 0.01]
        codec = _choose(equal, lines.sample)
    if codec in _ONE_BYTE and lines.utf_8 * 20 >= lines.other:
        bad = _first_bad(stream, "utf-8")
        if lines.utf_8 and bad is not None:
            raise _undecodable(
                file, bad, tr("is not UTF-8, which other lines are: encodings are mixed")
            )
    _require(stream, file, codec)
    return Encoding(codec, _notice(file, codec, lines.sample))


_NEAR = 0.3
"""Below the best score by this much, a reading may still be the right one."""


def _has_only_returns(stream: BinaryIO) -> bool:
    """Whether lines end with CR alone, as on an old Macintosh and in its Excel."""
    stream.seek(0)
    head = stream.read(_SAMPLE)
    return b"\r" in head and b"\n" not in head


def _most_likely(names: list[str], sample: bytes, *, returns: bool) -> str:
    """The code page in which the sample has the most likely letters."""

    def measure(codec: str) -> float:
        bonus = _MACINTOSH if returns and codec.startswith("mac_") else 0.0
        text = sample.decode(codec)
        return likelihood(text, _LANGUAGES[codec]) - _RARER.get(codec, 0.0) + bonus

    best = max((name for name in names if name in _LANGUAGES), key=measure)
    reading = sample.decode(best)
    # Many code pages have the same letters in the same places; then the most common one is named.
    equal = (name for name in _ONE_BYTE if name in names and sample.decode(name) == reading)
    return next(equal, best)


def _sort_lines(stream: BinaryIO) -> _Lines:
    utf_8 = other = 0
    sample: list[bytes] = []
    remaining = _SAMPLE
    rest = b""
    for block in _blocks(stream):
        *lines, rest = re.split(rb"[\r\n]+", rest + block)
        if not block or len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                utf_8 += 1
            except UnicodeDecodeError:
                other += 1
                if remaining > 0:
                    sample.append(_shortened(line, remaining))
                    remaining -= len(line)
    return _Lines(utf_8, other, b"\n".join(sample))


def _shortened(line: bytes, size: int) -> bytes:
    """The beginning of a long line, cut where no encoding has a part of a longer character."""
    if len(line) <= size:
        return line
    cut = line[:size]
    between = max(map(cut.rfind, (b" ", b",", b";", b"\t", b'"', b"|")))
    return cut[:between] if between > 0 else re.sub(rb"[\x80-\xff]+$", b"", cut)


def _scores(sample: bytes) -> dict[str, float]:
    """The score of each codec that decodes the whole sample: 0 to 1, 1 for plausible words."""
    scores = {}
    for codec in (*_EAST_ASIAN, *_ONE_BYTE):
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        words = [
            word for word in re.findall(r"[^\s,;|:\"'’()@./<>+-]+", text) if not word.isascii()
        ]
        plausible = [_plausibility(word, codec) for word in words]
        scores[codec] = sum(plausible) / len(plausible) if plausible else 0.0
    return scores


def _plausibility(word: str, codec: str) -> float:
    """How likely such a word is: one script, letters only, capitals at the front."""
    scripts = {_script(character) for character in word}
    if "" in scripts or len(scripts - {"digit"}) > 1:
        return 0.0
    if codec in _EAST_ASIAN:
        common = [_is_common(character, codec) for character in word if not character.isascii()]
        return sum(common) / len(common)
    if word[1:] != word[1:].lower() and word != word.upper():
        return 0.0
    foreign = [character for character in word.lower() if not character.isascii()]
    if codec != "cp1258" and scripts == {"LATIN"} and len(foreign) * 2 > len(word) > 2:
        return 0.2
    # The letters of one word are those of one language.
    usual = max(sum(one in letters for one in foreign) for letters in _USUAL[codec])
    doubtful = scripts <= {"CYRILLIC", "GREEK"} and word == word.lower()  # names have a capital
    doubtful |= codec in {"cp1252", "mac_roman", "cp850"} and bool(_HUNGARIAN.search(word))
    return (0.5 + usual / len(foreign) / 2) * (0.9 if doubtful else 1.0)


_HUNGARIAN = re.compile("õ(?![es])|û(?![tclrm]e|r\\b)", re.IGNORECASE)
"""Letters that are those of Hungarian, ő and ű, in the code page of Western Europe."""

# The letters outside ASCII of the languages that each code page is for.
_WESTERN = (
    "äöüß", "éèêëàâîïôûùçœæ", "áéíóúñü", "áâãàçéêíóôõúü", "åäöæøéü", "áðéíóúýþæö", "àèéìòùóç",
    "ëéïöüáó", "äöüßéèàç",
)  # fmt: skip
_CENTRAL = (
    "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţșț", "äöüß",
    "ëç",
)  # fmt: skip
_CYRILLIC = ("оеаинтрслвкмдпуьягійёбзчыхжшюцщэфъєїґ",)
_THAI = "".join(map(chr, range(0x0E01, 0x0E50)))
_USUAL = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1251": _CYRILLIC,
    "cp1253": ("αοιετνσςρηάόίέήύώκλμπγδθυχφωβζξψ",),
    "cp1254": ("çğıöşüâî\u0307",),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",),
    "cp1256": ("ايلمنرتبدةحسعفقكهوأش",),
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äöõüšž"),
    "cp1258": ("ăâđêôơưàáèéìíòóùú",),
    "cp874": (_THAI,),
    "iso8859_2": _CENTRAL,
    "koi8_r": _CYRILLIC,
    "mac_roman": _WESTERN,
    "mac_latin2": _CENTRAL,
    "cp866": _CYRILLIC,
    "cp850": _WESTERN,
    "cp852": _CENTRAL,
}
_USUAL |= {
    "koi8_u": _CYRILLIC, "iso8859_5": _CYRILLIC, "mac_cyrillic": _CYRILLIC, "cp1125": _CYRILLIC,
    "iso8859_6": _USUAL["cp1256"], "iso8859_7": _USUAL["cp1253"], "mac_greek": _USUAL["cp1253"],
    "mac_turkish": _USUAL["cp1254"], "cp857": _USUAL["cp1254"],
}  # fmt: skip

_IN_WEST = ("de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "is", "et")
_IN_CENTRE = ("pl", "cs", "sk", "hu", "ro", "hr", "sl", "de")
_IN_CYRILLIC = ("ru", "uk", "bg")
_LANGUAGES = {
    "cp1252": _IN_WEST, "mac_roman": _IN_WEST, "cp850": _IN_WEST,
    "cp1250": _IN_CENTRE, "iso8859_2": _IN_CENTRE, "mac_latin2": _IN_CENTRE, "cp852": _IN_CENTRE,
    "cp1251": _IN_CYRILLIC, "koi8_r": ("ru", "bg"), "cp866": ("ru", "bg"),
    "iso8859_5": _IN_CYRILLIC, "mac_cyrillic": _IN_CYRILLIC, "koi8_u": ("uk",), "cp1125": ("uk",),
    "cp1253": ("el",), "iso8859_7": ("el",), "mac_greek": ("el",),
    "cp1254": ("tr",), "mac_turkish": ("tr",), "cp857": ("tr",),
    "cp1255": ("he",), "cp1256": ("ar", "fa"), "iso8859_6": ("ar",),
    "cp1257": ("lt", "lv", "et", "pl"),
    "cp1258": ("vi",), "cp874": ("th",),
}  # fmt: skip
"""The languages that each code page was made for."""

_RARER = {
    **dict.fromkeys(_OTHERS, 3.0), "cp1250": 0.5, "cp1257": 1.0, "cp1258": 1.0,
    "iso8859_2": 2.5, "koi8_r": 3.0, "cp866": 3.5, "cp874": 1.0,
    "mac_roman": 2.0, "cp850": 2.0, "mac_turkish": 6.0,
    "cp1251": 2.0, "cp1253": 2.0, "cp1255": 2.5, "cp1256": 2.5,
}  # fmt: skip
"""How much less likely than Windows-1252 a code page is, as a logarithm.

It decides where a sample has a letter or two: a text in Hebrew or Russian has many."""

_MACINTOSH = 6.0
"""How much more likely one of Macintosh is where lines end with CR alone."""

_EAST_ASIAN_SCRIPTS = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
_TOGETHER = dict.fromkeys((*_EAST_ASIAN_SCRIPTS, "HANGUL"), "east-asian")


def _script(character: str) -> str:
    """The first word of the character's name, which is its script; "" if it is not a letter."""
    if character.isdigit() or character in "_#&%!?*=":
        return "digit"
    name = unicodedata.name(character, "").split(" ")[0]
    if unicodedata.category(character)[0] in "LM" or name in _EAST_ASIAN_SCRIPTS:
        return _TOGETHER.get(name, name)
    return "digit" if unicodedata.east_asian_width(character) in "WF" else ""


def _is_common(character: str, codec: str) -> bool:
    """Whether an East Asian character is in the common part of its national standard."""
    encoded = character.encode(codec)
    lead, trail = encoded[0], encoded[-1]
    if codec == "gb18030":  # rows 4 and 5 are kana: such a text is Japanese
        return (
            len(encoded) == 2
            and 0xA1 <= lead <= 0xD7
            and trail >= 0xA1
            and lead not in {0xA4, 0xA5}
        )
    if codec == "cp949":
        return len(encoded) == 2 and 0xB0 <= lead <= 0xC8 and trail >= 0xA1
    if codec == "euc_jp":
        return len(encoded) == 2 and (lead in {0xA4, 0xA5} or 0xB0 <= lead <= 0xCF)
    if codec == "cp950":
        return 0xA1 <= lead <= 0xC6
    return len(encoded) == 2 and 0x81 <= lead <= 0x98


_SURELY_HANGUL = 6


def _choose(equals: list[str], sample: bytes) -> str:
    """Decide among codecs with equal scores; the first one is the best by a little."""
    readings = {codec: sample.decode(codec) for codec in equals}
    if "cp949" in readings:
        # Nearly half of the common Chinese characters are outside of the rows of Hangul.
        hangul = sum("\uac00" <= one <= "\ud7a3" for one in readings["cp949"])
        if hangul >= _SURELY_HANGUL:
            return "cp949"
        equals = [codec for codec in equals if codec != "cp949"] or equals
    if len(equals) > 1 and set(equals) & set(_EAST_ASIAN):
        return max(equals, key=lambda codec: _share_of_names(readings[codec], codec))
    return equals[0]


_IN_CHINESE_NAMES = frozenset(
    "王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁余叶蒋杜苏魏程吕丁沈任姚卢"
    "钟姜崔谭廖范汪陆金石夏方江市县区省州路街号东西南北京上海广明国建文华平志伟强生光小民永杰军波成天安中秀英"
    "慧美静玉红玲芳春梅云雪爱月張劉陳楊趙吳孫馬羅鄭謝許鄧馮韓蕭董葉蔣蘇鍾譚縣區號東廣國華偉強傑軍愛"
)
_IN_JAPANESE_NAMES = frozenset(
    "田中山本村井藤佐木川野原松林小大高石口島崎橋渡辺加鈴吉清谷岡前竹森内池和子美恵一二三郎太雄夫県市町区郡東"
    "京都神奈横浜智裕陽直晃浩真幹学拓康翔翼聡花里香結桃春夏秋冬あいうえおかきくけこさしすせそたちつてとなにの"
    "はまみやゆよらりるれろわんアイウエオカキクケコサシスセソタチツテトナニノハマミヤユヨラリルレロワン"
)
_NAME_SIGNS = {
    "gb18030": _IN_CHINESE_NAMES, "cp950": _IN_CHINESE_NAMES,
    "cp932": _IN_JAPANESE_NAMES, "euc_jp": _IN_JAPANESE_NAMES,
}  # fmt: skip
"""Signs that are frequent in names and places."""


def _share_of_names(text: str, codec: str) -> float:
    """How many of the East Asian signs are frequent in names; 0 for any other code page."""
    signs = [one for one in text if not one.isascii()]
    common = _NAME_SIGNS.get(codec, frozenset())
    return sum(one in common for one in signs) / max(len(signs), 1)


def _notice(file: str, codec: str, content: bytes) -> Problem:
    text = content.decode(codec, "ignore")
    cells = (cell.strip(" \"'\ufeff") for cell in re.split(r"[,;\t|\r\n]", text))
    example = next((cell[:40] for cell in cells if cell and not cell.isascii()), "")
    name = _NAMES[codec]
    return Problem(
        "warning",
        "encoding-chosen",
        tr('the file is read as {name}, such as "{example}"', name=name, example=example)
        if example
        else tr("the file is read as {name}", name=name),
        file,
        hint=tr('if that is right, set encoding = "{codec}" under [recipients]', codec=codec),
    )
