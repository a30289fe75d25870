"""Whose numbers and dates a workbook shows: that of its settings, its language, or the system.

The order is: `locale` under [recipients]; the language that the workbook names; that of the words
its program left in it (Excel writes the names of styles and parts in its own language); LANG. The
last one is a guess, and so is English where nothing says anything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.recipients.formats.locales import ENGLISH, find_locale
from mailmerge.recipients.formats.number_format import Region

_WORDS = {
    # What Excel calls the worksheets of a file in docProps/app.xml, and its normal cell style.
    "Worksheets": "en-US",
    "Arbeitsblätter": "de-DE", "Standard": "de-DE",
    "Feuilles de calcul": "fr-FR",
    "Hojas de cálculo": "es-ES",
    "Fogli di lavoro": "it-IT", "Normale": "it-IT",
    "Planilhas": "pt-BR",
    "Folhas de cálculo": "pt-PT",
    "Werkbladen": "nl-NL", "Standaard": "nl-NL",
    "Листы": "ru-RU", "Обычный": "ru-RU",
    "Аркуші": "uk-UA", "Звичайний": "uk-UA",
    "Arkusze": "pl-PL", "Normalny": "pl-PL", "Normalne": "pl-PL",
    "Listy": "cs-CZ", "Normální": "cs-CZ", "normální": "cs-CZ",
    "Hárky": "sk-SK", "Normálna": "sk-SK",
    "Kalkylblad": "sv-SE",
    "Regneark": "da-DK",
    "Laskentataulukot": "fi-FI", "Normaali": "fi-FI",
    "Çalışma Sayfaları": "tr-TR",
    "Munkalapok": "hu-HU", "Normál": "hu-HU",
    "Foi de lucru": "ro-RO",
    "Radni listovi": "hr-HR",
    "Φύλλα εργασίας": "el-GR", "Κανονικό": "el-GR",
    "工作表": "zh-CN", "常规": "zh-CN", "一般": "zh-TW",
    "ワークシート": "ja-JP", "標準": "ja-JP",
    "워크시트": "ko-KR", "표준": "ko-KR",
    "أوراق العمل": "ar-SA", "عادي": "ar-SA",
    "גליונות עבודה": "he-IL", "רגיל": "he-IL",
    "เวิร์กชีต": "th-TH",
    "Trang tính": "vi-VN",
    "Lembar Kerja": "id-ID",
}  # fmt: skip
# The country of an XLS file is that of a telephone number.
_COUNTRIES = {
    1: "en-US", 2: "en-CA", 3: "es-MX", 7: "ru-RU", 20: "ar-EG", 30: "el-GR", 31: "nl-NL",
    32: "nl-BE", 33: "fr-FR", 34: "es-ES", 36: "hu-HU", 39: "it-IT", 40: "ro-RO", 41: "de-CH",
    42: "cs-CZ", 43: "de-AT", 44: "en-GB", 45: "da-DK", 46: "sv-SE", 47: "nb-NO", 48: "pl-PL",
    49: "de-DE", 52: "es-MX", 54: "es-AR", 55: "pt-BR", 56: "es-CL", 57: "es-CO", 60: "ms-MY",
    61: "en-AU", 62: "id-ID", 64: "en-NZ", 66: "th-TH", 81: "ja-JP", 82: "ko-KR", 84: "vi-VN",
    86: "zh-CN", 90: "tr-TR", 91: "en-IN", 98: "fa-IR", 351: "pt-PT", 353: "en-IE", 354: "is-IS",
    358: "fi-FI", 359: "bg-BG", 370: "lt-LT", 371: "lv-LV", 372: "et-EE", 375: "be-BY",
    380: "uk-UA", 381: "sr-RS", 385: "hr-HR", 386: "sl-SI", 420: "cs-CZ", 421: "sk-SK",
    852: "zh-HK", 886: "zh-TW", 966: "ar-SA", 972: "he-IL",
}  # fmt: skip


def decide_region(
    wanted: str, languages: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Region:
    """The region of a workbook.

    Args:
        wanted: `locale` under [recipients]; empty if it is not set.
        languages: what the workbook says, the surest first.
        environment: the variables of the system.

    Raises:
        CampaignError: `wanted` is not the name of a locale that is known.
    """
    if wanted:
        locale = find_locale(wanted)
        if locale is None:
            raise CampaignError(
                tr('locale: "{wanted}" is not known', wanted=wanted),
                hint=tr('write a language and a country, such as "de-DE"'),
                code="wrong-value",
            )
        return Region(locale, known=True, guessed=False)
    for language in languages:
        locale = find_locale(language)
        if locale is not None:
            return Region(locale, known=True, guessed=False)
    system = environment.get("LC_ALL") or environment.get("LANG") or ""
    locale = find_locale(system)
    return Region(ENGLISH) if locale is None else Region(locale, known=True)


def language_of_words(words: Sequence[str]) -> str:
    """The language of the words that a program left in a workbook; empty if none is known."""
    return next((_WORDS[word] for word in words if word in _WORDS), "")


def language_of_country(code: int) -> str:
    """The language of the country that an XLS file names; empty if it is not known."""
    return _COUNTRIES.get(code, "")
