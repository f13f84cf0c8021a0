"""What is not generated, and why; and what the engines are known to do wrong."""

from dataclasses import dataclass

from tests.engine.random.memory import access, bits, is_memory, writes_back


@dataclass(frozen=True)
class Rule:
    """Words with `word & mask == value`."""

    mask: int
    value: int
    reason: str

    def covers(self, word: int) -> bool:
        return word & self.mask == self.value


def pattern(text: str, reason: str) -> Rule:
    """A rule from 32 characters, of which all but 0 and 1 match anything. Blanks are skipped."""
    text = text.replace(" ", "")
    assert len(text) == 32, text
    mask = int("".join("1" if bit in "01" else "0" for bit in text), 2)
    value = int("".join("1" if bit == "1" else "0" for bit in text), 2)
    return Rule(mask, value, reason)


_NOT_GENERATED = (
    pattern("1--0 000- ---- ---- ---- ---- ---- ----", "SME"),
    pattern("---0 010- ---- ---- ---- ---- ---- ----", "SVE"),
    pattern("1101 0100 000- ---- ---- ---- ---0 0001", "SVC: system calls are tested elsewhere"),
    pattern("1101 0100 010- ---- ---- ---- ---- ----", "HLT: semihosting in qemu"),
    pattern("1101 0101 0000 0011 0010 0000 0101 1111", "WFE: may wait"),
    pattern("1101 0101 0000 0011 0010 0000 0111 1111", "WFI: may wait"),
    pattern("1101 0101 0000 0011 0001 0000 000- ----", "WFET, WFIT: may wait"),
    pattern(
        "1101 0101 0000 1011 0111 0100 -01- ----", "DC ZVA: the block size is the implementation's"
    ),
    pattern("1101 0101 0000 1011 0111 0100 100- ----", "DC GZVA"),
    pattern("1101 1001 --1- ---- ---- ---- ---- ----", "memory tags"),
)
_USER_REGISTERS = {
    0b1101101000010000: "NZCV",
    0b1101101000100000: "FPCR",
    0b1101101000100001: "FPSR",
    0b1101111010000010: "TPIDR_EL0",
}
"""op0, op1, CRn, CRm, op2 of the registers that all implementations have alike."""
FPCR, FPSR = 0b1101101000100000, 0b1101101000100001


def system_register(word: int) -> int | None:
    """The 16 bits that name the register of an MRS or MSR."""
    return bits(word, 20, 5) if word & 0xFFD00000 == 0xD5100000 else None


UNKNOWN_ACCESS = "no access that this generator knows"


def not_generated(word: int) -> str:
    """Why a word is left out: results differ between hosts, or the architecture gives none."""
    for rule in _NOT_GENERATED:
        if rule.covers(word):
            return rule.reason
    register = system_register(word)
    if register is not None and register not in _USER_REGISTERS:
        return "a system register that is the implementation's"
    if word & 0xFF3FFC00 == 0x1E202000 and word & 8 and bits(word, 20, 16):
        return "unpredictable: FCMP with zero and a register"
    if word & 0x7F400000 == 0x1B400000 and bits(word, 14, 10) != 31:
        return "unpredictable: SMULH, UMULH with a third operand"
    if is_memory(word):
        return _unpredictable_access(word)
    return ""


def _unpredictable_access(word: int) -> str:
    found = access(word)
    if found is None:
        return UNKNOWN_ACCESS
    target, base, vector = bits(word, 4, 0), found.base, bits(word, 26, 26)
    group = bits(word, 29, 24)
    if found.index is not None and found.index == base:
        return "index and base are one register"
    if group == 0b001000:
        return _unpredictable_exclusive(word)
    second = bits(word, 14, 10)
    if group & 0b111010 == 0b101000:
        if not found.store and target == second:
            return "unpredictable: both loaded registers are one"
        if not vector and writes_back(word) and base != 31 and base in (target, second):
            return "unpredictable: writeback to a transferred register"
    elif group & 0b111111 == 0b111000 and writes_back(word) and target == base != 31:
        return "unpredictable: writeback to a transferred register"
    return ""


def _unpredictable_exclusive(word: int) -> str:
    status, second, base, target = (bits(word, low + 4, low) for low in (16, 10, 5, 0))
    ordered, load, paired = bits(word, 23, 23), bits(word, 22, 22), bits(word, 21, 21)
    if (ordered and paired) or (paired and not word >> 31):
        return "" if second == 31 else "unpredictable: not all ones in CAS"
    if not paired and second != 31:
        return "unpredictable: not all ones in an exclusive access"
    if (ordered or load) and status != 31:
        return "unpredictable: not all ones in an exclusive access"
    if load and paired and target == second:
        return "unpredictable: both loaded registers are one"
    if load or ordered:
        return ""
    if status == target or (paired and status == second) or status == base != 31:
        return "unpredictable: status register is used twice"
    return ""


_BEYOND = (
    pattern("1100 1110 ---- ---- ---- ---- ---- ----", "SHA512, SHA3, SM3, SM4"),
    pattern("0--0 1110 --0- ---- 1010 -1-- ---- ----", "I8MM: SMMLA, UMMLA, USMMLA"),
    pattern("0--0 1110 1-0- ---- 1001 11-- ---- ----", "I8MM: USDOT"),
    pattern("0-00 1110 100- ---- 1001 11-- ---- ----", "I8MM: USDOT"),
    pattern("0-00 1111 -0-- ---- 1111 -0-- ---- ----", "I8MM: USDOT, SUDOT by element"),
    pattern("0-00 1111 -1-- ---- 1111 -0-- ---- ----", "BF16: BFDOT, BFMLAL by element"),
    pattern("0-10 1110 -1-- ---- 1111 11-- ---- ----", "BF16: BFDOT, BFMLAL"),
    pattern("0110 1110 010- ---- 1110 11-- ---- ----", "BF16: BFMMLA"),
    pattern("0-00 1110 1010 0001 0110 10-- ---- ----", "BF16: BFCVTN"),
    pattern("0001 1110 0110 0011 0100 00-- ---- ----", "BF16: BFCVT"),
    pattern("0001 1110 0-10 1000 ---- ---- ---- ----", "FRINTTS"),
    pattern("0001 1110 0-10 1001 ---- ---- ---- ----", "FRINTTS"),
    pattern("0--0 1110 0-10 0001 1110 10-- ---- ----", "FRINTTS"),
    pattern("0--0 1110 0-10 0001 1111 10-- ---- ----", "FRINTTS"),
    pattern("0-00 1110 --1- ---- 1110 11-- ---- ----", "FHM: FMLAL, FMLSL"),
    pattern("0-10 1110 --1- ---- 1100 11-- ---- ----", "FHM: FMLAL2, FMLSL2"),
    pattern("0--0 1111 10-- ---- -000 -0-- ---- ----", "FHM: FMLAL, FMLAL2 by element"),
    pattern("0--0 1111 10-- ---- -100 -0-- ---- ----", "FHM: FMLSL, FMLSL2 by element"),
    pattern("--01 1001 --0- ---- ---- 00-- ---- ----", "LRCPC2"),
    pattern("1101 0101 0000 0000 0100 0000 0-1- ----", "FLAGM2"),
    pattern("1101 0101 0000 0000 0100 0000 010- ----", "FLAGM2"),
    pattern("1101 0101 0000 0011 0100 ---- ---1 1111", "MSR with TCO, DIT, SSBS"),
    pattern("1--1 0001 10-- ---- ---- ---- ---- ----", "MTE: ADDG, SUBG"),
    pattern("1001 1010 110- ---- 000- 00-- ---- ----", "MTE: SUBP, IRG"),
    pattern("1001 1010 110- ---- 0001 -1-- ---- ----", "MTE: GMI"),
    pattern("1011 1010 110- ---- 0000 00-- ---- ----", "MTE: SUBPS"),
    pattern("0110 100- -0-- ---- ---- ---- ---- ----", "MTE: STGP"),
    pattern("1101 0101 0000 1011 0111 ---- -11- ----", "MTE: DC GVA and the like"),
    pattern("1101 0101 0000 1011 0111 ---- 100- ----", "MTE: DC GZVA"),
    pattern("1101 0101 0000 1011 0111 ---- 101- ----", "MTE: DC CGDVAC and the like"),
    pattern(
        "0-00 1110 -111 0000 1100 10-- ---- ----", "qemu 7.2: FMAXNMV, FMINNMV with bit 22 set"
    ),
    pattern("0-00 1110 -111 0000 1111 10-- ---- ----", "qemu 7.2: FMAXV, FMINV with bit 22 set"),
    pattern("01-1 1110 -111 0000 11-- 10-- ---- ----", "qemu 7.2: FMAXP and others likewise"),
    pattern("01-1 1110 1111 1000 1111 10-- ---- ----", "qemu 7.2: scalar FABS, FNEG of halves"),
    pattern("0-10 1111 0000 0--- 1111 11-- ---- ----", "qemu 7.2: FMOV of halves with op set"),
)
"""Extensions that qemu has and elfuse does not offer, and what qemu takes for instructions."""


def beyond(word: int) -> bool:
    """An instruction that elfuse is right not to have."""
    return any(rule.covers(word) for rule in _BEYOND)


KNOWN: dict[str, tuple[Rule, ...]] = {
    "oracle": (
        pattern("1101 0101 0000 1011 0111 11-- 001- ----", "qemu-user has no DC CVAP, CVADP"),
        pattern(
            "0001 1110 0111 1110 0000 00-- ---- ----",
            "FJCVTZS with FZ takes a positive denormal for an exact zero",
        ),
        pattern(
            "0101 1111 0001 ---- 1111 11-- ---- ----", "FCVTZS Hd, #bits extends the sign to 32"
        ),
    ),
    "unicorn": (
        pattern("0-11 1000 --1- ---- 010- 00-- ---- ----", "LDSMAX, LDSMIN do not extend the sign"),
        pattern("1011 1000 --1- ---- 010- 00-- ---- ----", "LDSMAX, LDSMIN do not extend the sign"),
        pattern(
            "0010 1111 01-- ---- 0--1 -0-- ---- ----", "FCMLA by element: flags of lanes not used"
        ),
    ),
    "jit": (),
}
"""What an engine does wrong, for the oracle qemu 7.2: left out when that engine takes part."""


_ORDERED = "--00 1000 ---- ---- ---- ---- ---- ----"
ALIGNED_ONLY: dict[str, tuple[Rule, ...]] = {
    "oracle": (pattern("--11 1000 101- ---- 1100 00-- ---- ----", "LDAPR loads from any address"),),
    "unicorn": (
        pattern(_ORDERED, "ordered accesses go to any address, exclusive ones end elfuse"),
        pattern("--11 1000 --1- ---- ---- 00-- ---- ----", "unaligned atomic accesses end elfuse"),
    ),
    "jit": (),
}
"""Accesses that an engine does not check as it should; generated with aligned addresses only."""


def aligned_only(word: int, engines: tuple[str, ...]) -> bool:
    return any(rule.covers(word) for engine in engines for rule in ALIGNED_ONLY.get(engine, ()))


def known(word: int, engines: tuple[str, ...]) -> str:
    """Why one of these engines cannot be compared on a word."""
    for engine in engines:
        for rule in KNOWN.get(engine, ()):
            if rule.covers(word):
                return f"{engine}: {rule.reason}"
    return ""
