#!/usr/bin/env python3
"""Writes protocol/gsm_national_tables.cpp from the national language tables of 3GPP TS 23.038 in tests/data.

Usage, from the root of the source tree: python3 deploy/tools/generate_gsm_national.py > protocol/gsm_national_tables.cpp
"""
import csv

LANGUAGES = 14  # identifiers 0 (none) to 13


def read(path):
    with open(path, newline="") as rows:
        for row in csv.DictReader(rows):
            code, text = int(row["code_hex"], 16), row["unicode_hex"]
            if code != 0x1B and text:
                yield row["table"], int(row["nli"]), code, int(text, 16)


def lines(values):
    for i in range(0, len(values), 16):
        yield "     " + " ".join("0x%04X," % value for value in values[i : i + 16])


def main():
    locking = [[0] * 128 for _ in range(LANGUAGES)]
    single = [[0] * 128 for _ in range(LANGUAGES)]
    for path in ("tests/data/gsm0338.csv", "tests/data/gsm-shift-tables.csv"):
        for table, language, code, character in read(path):
            (locking if table == "lock" else single)[language][code] = character
    locking[2] = locking[0]  # there is no Spanish locking table
    characters = {}
    for which, tables in enumerate((locking, single)):
        for language, table in enumerate(tables):
            for character in filter(None, table):
                characters.setdefault(character, [0, 0])[which] |= 1 << language

    print("// Written by deploy/tools/generate_gsm_national.py from the tables of 3GPP TS 23.038, 6.2.1 and annex A: do not edit.")
    print("// 0 stands for codes that a table leaves open, and for the escape.")
    print('#include "protocol/gsm_national_tables.hpp"\n')
    print("// clang-format off")
    print("namespace trunkline::protocol::detail {\n")
    for name, tables in (("locking_tables", locking), ("single_tables", single)):
        print("const std::array<gsm_table, gsm_language_count> %s{{" % name)
        for table in tables:
            print("    {", *lines(table), "    },", sep="\n")
        print("}};\n")
    print("const std::array<gsm_coverage, gsm_coverage_count> gsm_characters{{")
    for character, (lock, shift) in sorted(characters.items()):
        print("    {0x%04X, 0x%04X, 0x%04X}," % (character, lock, shift))
    print("}};\n")
    print("}  // namespace trunkline::protocol::detail")
    return len(characters)


if __name__ == "__main__":
    import sys

    print("gsm_coverage_count =", main(), file=sys.stderr)
