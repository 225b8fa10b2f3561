"""Numbers that pass their check, made from a seed at run time by formulas of our own, and their twins that fail it. None is ever stored."""

import random
import re
import string
from collections.abc import Callable

import phonenumbers

Make = Callable[[random.Random], str]
STATES = ("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK").split()
# Lengths and structure of account numbers (n digits, c letters or digits, a capitals), from the banks' own national rules.
IBANS = {
    "AT": "n16", "BE": "n12", "BG": "a4n6c8", "CY": "n8c16", "CZ": "n20", "DE": "n18", "DK": "n14", "EE": "n16", "ES": "n20", "FI": "n14",
    "FR": "n10c11n2", "GR": "n7c16", "HR": "n17", "HU": "n24", "IE": "a4n14", "IT": "a1n10c12", "LT": "n16", "LU": "n3c13", "LV": "a4c13",
    "MT": "a4n5c18", "NL": "a4n10", "PL": "n24", "PT": "n21", "RO": "a4c16", "SE": "n20", "SI": "n15", "SK": "n20",
}  # fmt: skip


def digits(draw: random.Random, n: int) -> str:
    return "".join(draw.choices(string.digits, k=n))


def date(draw: random.Random) -> tuple[str, str, str]:
    """Year (four digits), month, day."""
    return str(draw.randint(1955, 2006)), f"{draw.randint(1, 12):02d}", f"{draw.randint(1, 28):02d}"


def weigh(code: str, weights: list[int]) -> int:
    return sum(int(c) * w for c, w in zip(code, weights, strict=False))


def luhn(code: str) -> str:
    doubled = [int(c) * (2 - i % 2) for i, c in enumerate(reversed(code))]
    return str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def mod_11_10(code: str) -> str:
    rest = 10
    for c in code:
        rest = ((rest + int(c)) % 10 or 10) * 2 % 11
    return str((11 - rest) % 10)


def baltic(code: str) -> str:
    rest = weigh(code, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11
    if rest == 10:
        rest = weigh(code, [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11
    return str(rest % 10)


def yugoslav(draw: random.Random, region: str) -> str:
    y, m, d = date(draw)
    code = d + m + y[1:] + region + digits(draw, 3)
    return code + str(-weigh(code, [7, 6, 5, 4, 3, 2] * 2) % 11 % 10)


def again(make: Callable[[random.Random], str | None]) -> Make:
    """Draws until a number exists: some check digits would be 10."""

    def made(draw: random.Random) -> str:
        while (value := make(draw)) is None:
            pass
        return value

    return made


def at_svnr(draw: random.Random) -> str | None:
    y, m, d = date(draw)
    serial, born = str(draw.randint(100, 999)), d + m + y[2:]
    check = (weigh(serial, [3, 7, 9]) + weigh(born, [5, 8, 4, 2, 1, 6])) % 11
    return None if check == 10 else f"{serial}{check}{born}"


def be_nn(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = f"{y[2:]}{m}{d}{draw.randint(1, 997):03d}"
    return code + f"{97 - int(('2' if y >= '2000' else '') + code) % 97:02d}"


def bg_egn(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = f"{y[2:]}{int(m) + (40 if y >= '2000' else 0):02d}{d}{digits(draw, 3)}"
    return code + str(weigh(code, [2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10)


def cy_tic(draw: random.Random) -> str:
    code = draw.choice("09") + digits(draw, 7)
    odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]
    return code + chr(65 + (sum(odd[int(c)] for c in code[::2]) + sum(map(int, code[1::2]))) % 26)


def birth_number(draw: random.Random) -> str | None:
    y, m, d = date(draw)
    code = f"{y[2:]}{int(m) + draw.choice((0, 50)):02d}{d}{digits(draw, 3)}"
    return None if int(code) % 11 == 10 else code + str(int(code) % 11)


def de_idnr(draw: random.Random) -> str:
    kinds = draw.sample(string.digits, 9)
    code = [*kinds, kinds[0]]
    draw.shuffle(code)
    text = "".join(code)
    return de_idnr(draw) if text[0] == "0" else text + mod_11_10(text)


def doubled(code: str, weights: str) -> int:
    return sum(sum(map(int, str(int(c) * int(w)))) for c, w in zip(code, weights, strict=True)) % 10


def de_rvnr(draw: random.Random) -> str:
    y, m, d = date(draw)
    letter = draw.choice(string.ascii_uppercase)
    code = f"{draw.choice(['15', '53', '65', '04'])}{d}{m}{y[2:]}{letter}{digits(draw, 2)}"
    return code + str(doubled(code[:8] + f"{ord(letter) - 64:02d}" + code[9:], "212571212121"))


def de_kvnr(draw: random.Random) -> str:
    letter, code = draw.choice(string.ascii_uppercase), digits(draw, 8)
    return letter + code + str(doubled(f"{ord(letter) - 64:02d}{code}", "1212121212"))


def dk_cpr(draw: random.Random) -> str:
    y, m, d = date(draw)
    return d + m + y[2:] + digits(draw, 4)


def baltic_code(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = draw.choice("56" if y >= "2000" else "34") + y[2:] + m + d + digits(draw, 3)
    return code + baltic(code)


def dni_letter(number: int) -> str:
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]


def es_dni(draw: random.Random) -> str:
    code = digits(draw, 8)
    return code + dni_letter(int(code))


def es_nie(draw: random.Random) -> str:
    first, code = draw.randrange(3), digits(draw, 7)
    return "XYZ"[first] + code + dni_letter(int(f"{first}{code}"))


def es_nss(draw: random.Random) -> str:
    code = f"{draw.randint(1, 52):02d}{draw.randint(1, 9)}{digits(draw, 7)}"
    return code + f"{int(code) % 97:02d}"


def fi_hetu(draw: random.Random) -> str:
    y, m, d = date(draw)
    serial = f"{draw.randint(2, 899):03d}"
    sign = draw.choice("ABCDEF") if y >= "2000" else draw.choice("-YXWVU-")
    return f"{d}{m}{y[2:]}{sign}{serial}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(d + m + y[2:] + serial) % 31]


def fr_nir(draw: random.Random) -> str:
    y, m, _ = date(draw)
    code = f"{draw.choice('12')}{y[2:]}{m}{draw.randint(1, 95):02d}{draw.randint(1, 900):03d}{draw.randint(1, 999):03d}"
    return code + f"{97 - int(code) % 97:02d}"


def fr_spi(draw: random.Random) -> str:
    code = draw.choice("0123") + digits(draw, 9)
    return code + f"{int(code) % 511:03d}"


def gr_afm(draw: random.Random) -> str:
    code = digits(draw, 8)
    return code + str(sum(int(c) << 8 - i for i, c in enumerate(code)) % 11 % 10)


def gr_amka(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = d + m + y[2:] + digits(draw, 4)
    return code + luhn(code)


def hr_oib(draw: random.Random) -> str:
    code = digits(draw, 10)
    return code + mod_11_10(code)


def hu_taj(draw: random.Random) -> str:
    code = digits(draw, 8)
    return code + str(weigh(code, [3, 7] * 4) % 10)


def hu_ado(draw: random.Random) -> str | None:
    code = "8" + digits(draw, 8)
    check = weigh(code, list(range(1, 10))) % 11
    return None if check == 10 else code + str(check)


def hu_szemelyi(draw: random.Random) -> str | None:
    y, m, d = date(draw)
    code = draw.choice("34" if y >= "2000" else "12") + y[2:] + m + d + digits(draw, 3)
    weights = list(range(1, 11)) if y < "1997" else list(range(10, 0, -1))
    check = weigh(code, weights) % 11
    return None if check == 10 else code + str(check)


def ie_pps(draw: random.Random) -> str:
    code, last = digits(draw, 7), draw.choice(["", "", "A", "H"])
    total = weigh(code, [8, 7, 6, 5, 4, 3, 2]) + (9 * (ord(last) - 64) if last else 0)
    return code + "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] + last


def it_cf(draw: random.Random) -> str:
    y, m, d = date(draw)
    name = "".join([*draw.choices("BCDFGLMNPRSTV", k=2), "A", *draw.choices("BCDFGLMNPRSTV", k=3)])
    code = (
        name
        + y[2:]
        + "ABCDEHLMPRST"[int(m) - 1]
        + f"{int(d) + draw.choice((0, 40)):02d}"
        + draw.choice("ADFGHL")
        + digits(draw, 3)
    )
    odd = dict(zip(string.digits + string.ascii_uppercase, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23], strict=True))  # fmt: skip
    even = {c: i % 10 if c.isdigit() else ord(c) - 65 for i, c in enumerate(string.digits + string.ascii_uppercase)}
    return code + chr(65 + sum(even[c] if i % 2 else odd[c] for i, c in enumerate(code)) % 26)


def verhoeff(code: str) -> str:
    """By multiplication in the dihedral group of order ten."""

    def times(a: int, b: int) -> int:
        return (a % 5 + (b if a < 5 else -b)) % 5 + 5 * ((a >= 5) != (b >= 5))

    step, shuffle = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), list(range(10))
    total = 0
    for c in reversed(code):
        shuffle = [step[v] for v in shuffle]
        total = times(total, shuffle[int(c)])
    return str(next(d for d in range(10) if times(d, total) == 0))


def lu_matricule(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = y + m + d + digits(draw, 3)
    return code + luhn(code) + verhoeff(code)


def lv_pk(draw: random.Random) -> str | None:
    y, m, d = date(draw)
    code = draw.choice([d + m + y[2:] + ("2" if y >= "2000" else "1") + digits(draw, 3), "32" + digits(draw, 8)])
    check = (1 + weigh(code, [10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11
    return None if check == 10 else code + str(check)


def nl_bsn(draw: random.Random) -> str | None:
    code = draw.choice("123456789") + digits(draw, 7)
    check = weigh(code, [9, 8, 7, 6, 5, 4, 3, 2]) % 11
    return None if check == 10 else code + str(check)


def pl_pesel(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = f"{y[2:]}{int(m) + (20 if y >= '2000' else 0):02d}{d}{digits(draw, 4)}"
    return code + str(-weigh(code, [1, 3, 7, 9] * 3) % 10)


def pl_nip(draw: random.Random) -> str | None:
    code = draw.choice("156789") + str(draw.randint(1, 9)) + draw.choice("123456789") + digits(draw, 6)
    check = weigh(code, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11
    return None if check == 10 else code + str(check)


def pl_dowod(draw: random.Random) -> str:
    letters, rest = "".join(draw.choices("ABCDEFGHJKLMNPRSTUWXYZ", k=3)), digits(draw, 5)
    total = sum((ord(c) - 55) * w for c, w in zip(letters, (7, 3, 1), strict=True)) + weigh(rest, [7, 3, 1, 7, 3])
    return letters + str(total % 10) + rest


def pt_nif(draw: random.Random) -> str:
    code = draw.choice("123") + digits(draw, 7)
    rest = weigh(code, [9, 8, 7, 6, 5, 4, 3, 2]) % 11
    return code + str(0 if rest < 2 else 11 - rest)


def pt_cc(draw: random.Random) -> str:
    number = digits(draw, 8)
    code = number + digits(draw, 1) + "".join(draw.choices(string.ascii_uppercase, k=2))
    total = 0
    for i, c in enumerate(reversed(code)):
        value = int(c, 36) * (2 - i % 2)
        total += value - 9 if value > 9 and i % 2 == 0 else value
    return code + str(-total % 10)


def pt_niss(draw: random.Random) -> str:
    code = draw.choice("12") + digits(draw, 9)
    return code + str(9 - weigh(code, [29, 23, 19, 17, 13, 11, 7, 5, 3, 2]) % 10)


def ro_cnp(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = (
        draw.choice("56" if y >= "2000" else "12")
        + y[2:]
        + m
        + d
        + f"{draw.randint(1, 46):02d}"
        + f"{draw.randint(1, 999):03d}"
    )
    check = weigh(code, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11
    return code + str(1 if check == 10 else check)


def se_pnr(draw: random.Random) -> str:
    y, m, d = date(draw)
    code = f"{y[2:]}{m}{int(d) + draw.choice((0, 0, 0, 60)):02d}{digits(draw, 3)}"
    return draw.choice(("", y[:2])) + code + luhn(code)


def si_davcna(draw: random.Random) -> str | None:
    code = draw.choice("123456789") + digits(draw, 6)
    check = 11 - weigh(code, [8, 7, 6, 5, 4, 3, 2]) % 11
    return None if check >= 10 else code + str(check)


def lnch(draw: random.Random) -> str:
    code = digits(draw, 9)
    return code + str(weigh(code, [21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10)


def at_tin(draw: random.Random) -> str:
    code = draw.choice(("03", "46", "54", "90", "91")) + digits(draw, 6)
    return code + str(-sum(int("0246813579"[int(c)]) if i % 2 else int(c) for i, c in enumerate(code)) % 10)


# kind -> (maker, ways to write it: `#` is the next character; the first is in one piece)
NATIONAL: dict[str, tuple[Make, list[str]]] = {
    "at_svnr": (again(at_svnr), ["#" * 10, "#### ######"]),
    "at_tin": (at_tin, ["#" * 9, "## ###/####", "##-###/####"]),
    "be_nn": (be_nn, ["#" * 11, "##.##.##-###.##", "###### ### ##"]),
    "bg_egn": (bg_egn, ["#" * 10]),
    "bg_lnch": (lnch, ["#" * 10]),
    "cy_tic": (cy_tic, ["#" * 9]),
    "cz_rc": (again(birth_number), ["#" * 10, "######/####", "###### / ####", "###### ####"]),
    "de_idnr": (de_idnr, ["#" * 11, "## ### ### ###", "##/###/###/###"]),
    "de_rvnr": (de_rvnr, ["#" * 12, "## ###### # ###"]),
    "de_kvnr": (de_kvnr, ["#" * 10]),
    "dk_cpr": (dk_cpr, ["#" * 10, "######-####", "###### ####"]),
    "ee_ik": (baltic_code, ["#" * 11]),
    "es_dni": (es_dni, ["#" * 9, "########-#", "##.###.###-#", "######## #"]),
    "es_nie": (es_nie, ["#" * 9, "#-#######-#", "# ####### #"]),
    "es_nss": (es_nss, ["#" * 12, "##/########/##", "## ######## ##"]),
    "fi_hetu": (fi_hetu, ["#" * 11]),
    "fr_nir": (fr_nir, ["#" * 15, "# ## ## ## ### ### ##", "############# ##"]),
    "fr_spi": (fr_spi, ["#" * 13, "## ## ### ### ###"]),
    "gr_afm": (gr_afm, ["#" * 9]),
    "gr_amka": (gr_amka, ["#" * 11, "######-#####"]),
    "hr_oib": (hr_oib, ["#" * 11]),
    "hr_jmbg": (lambda draw: yugoslav(draw, draw.choice(("30", "33", "35"))), ["#" * 13]),
    "hu_taj": (hu_taj, ["#" * 9, "### ### ###", "###-###-###"]),
    "hu_ado": (again(hu_ado), ["#" * 10]),
    "hu_szemelyi": (again(hu_szemelyi), ["#" * 11, "#-######-####", "# ###### ####"]),
    "ie_pps": (ie_pps, ["#" * 9, "####### ##"]),
    "it_cf": (it_cf, ["#" * 16, "### ### ##### #####"]),
    "lt_ak": (baltic_code, ["#" * 11]),
    "lu_matricule": (lu_matricule, ["#" * 13, "#### ## ## ### ##"]),
    "lv_pk": (again(lv_pk), ["######-#####", "#" * 11]),
    "nl_bsn": (again(nl_bsn), ["#" * 9, "####.##.###", "### ### ###"]),
    "pl_pesel": (pl_pesel, ["#" * 11]),
    "pl_nip": (again(pl_nip), ["#" * 10, "###-###-##-##", "###-##-##-###"]),
    "pl_dowod": (pl_dowod, ["#" * 9, "### ######"]),
    "pt_nif": (pt_nif, ["#" * 9, "### ### ###"]),
    "pt_cc": (pt_cc, ["#" * 12, "######## # ####"]),
    "pt_niss": (pt_niss, ["#" * 11]),
    "ro_cnp": (ro_cnp, ["#" * 13]),
    "se_pnr": (se_pnr, ["#" * 12]),
    "si_emso": (lambda draw: yugoslav(draw, "50"), ["#" * 13]),
    "si_davcna": (again(si_davcna), ["#" * 8]),
    "sk_rc": (again(birth_number), ["#" * 10, "######/####", "###### / ####", "###### ####"]),
}


def written(code: str, form: str) -> str:
    """The characters of a number in the places of a form; what is left over is put at the end, what is missing left out."""
    left = iter(code)
    return "".join(next(left, "") if c == "#" else c for c in form).rstrip(" -/.") + "".join(left)


def national(kind: str, draw: random.Random) -> str:
    make, forms = NATIONAL[kind]
    code = make(draw)
    if kind == "se_pnr":
        return draw.choice((code, code[:-4] + "-" + code[-4:]))
    return written(code, draw.choice(forms))


def twin(value: str, draw: random.Random) -> str:
    """The same with the last letter or digit changed: a single wrong character fails every check digit of ours."""
    at = max(i for i, c in enumerate(value) if c.isalnum())
    pool = string.digits if value[at].isdigit() else "BCDFGHJKLMNPQRSTVWXYZ"
    return value[:at] + draw.choice([c for c in pool if c != value[at]]) + value[at + 1 :]


def iban(country: str, draw: random.Random) -> str:
    pools = {"n": string.digits, "a": string.ascii_uppercase, "c": string.ascii_uppercase + string.digits}
    parts = re.findall(r"([nac])(\d+)", IBANS[country])
    account = "".join("".join(draw.choices(pools[kind], k=int(n))) for kind, n in parts)
    number = int("".join(str(int(c, 36)) for c in account + country + "00"))
    whole = f"{country}{98 - number % 97:02d}{account}"
    return draw.choice((whole, " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))))


def card(draw: random.Random) -> str:
    prefix, length = draw.choice(
        (
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("2720", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("3530", 16),
        )
    )
    code = prefix + digits(draw, length - len(prefix) - 1)
    code += luhn(code)
    if length == 15:
        return draw.choice((code, f"{code[:4]} {code[4:10]} {code[10:]}"))
    return draw.choice((code, *(sep.join(code[i : i + 4] for i in range(0, 16, 4)) for sep in " -")))


def phone(country: str, draw: random.Random) -> str:
    example = phonenumbers.example_number_for_type(
        country, draw.choice((phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE))
    )
    assert example is not None
    while True:
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code, italian_leading_zero=example.italian_leading_zero
        )
        text = str(example.national_number)
        number.national_number = int(text[:-4] + digits(draw, 4))
        if phonenumbers.is_valid_number(number):
            break
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    grouped = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return draw.choice((plain, grouped, "00" + grouped[1:], grouped.replace(" ", "-")))


def email(language: str, draw: random.Random) -> str:
    local = {"ell": "αβγδελμνοπστ", "bul": "абвгдеилмнопрст"}.get(language, "abcdefghilmnoprstu")
    letters = local if draw.random() < 0.3 else "abcdefghilmnoprstu"
    name = "".join(draw.choices(letters, k=draw.randint(3, 9)))
    more = draw.choice(("", "." + "".join(draw.choices(letters, k=5)), str(draw.randint(1, 99)), "_x", "+news"))
    top = draw.choice(("example", "com", "eu", "org", "info", "de", "fr", "pl", "gr", "bg"))
    host = "".join(draw.choices("abcdefghiklmnoprstu", k=6)) + draw.choice(("", "-mail", ".post"))
    return name + more + "@" + host + "." + top


def ip(draw: random.Random) -> str:
    if draw.random() < 0.3:
        return (
            "2a0"
            + draw.choice("0123456789abcdef")
            + ":"
            + ":".join(f"{draw.randrange(1, 65536):x}" for _ in range(3))
            + "::"
            + f"{draw.randrange(1, 65536):x}"
        )
    while True:
        parts = [draw.randint(1, 223), *(draw.randrange(256) for _ in range(3))]
        if parts[0] not in (10, 100, 127, 169, 172, 192, 198, 203):
            return ".".join(map(str, parts))
