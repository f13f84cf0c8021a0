"""Makes blobs: random instructions with operands that let each of them run, for harness.c.

A blob is made of units, which branches do not enter: an instruction with what prepares it, as the
loads of literals that lead a base register into the arena.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.engine.random import rules
from tests.engine.random.encodings import Table
from tests.engine.random.memory import Access, Kind, access, bits, is_memory
from tests.engine.random.values import float_modes, values

# As in harness.c.
_MAGIC = 0x73696C42
_READ_ONLY = 0x1000020000
_SEGMENT = 0x10000
_GUARD = _READ_ONLY + 2 * _SEGMENT
_ARENA_SIZE = 4096
_ARENA = _GUARD - _ARENA_SIZE

_NOP, _CLREX = 0xD503201F, 0xD503305F
_ADR, _LOAD_LITERAL, _SP_FROM = 0x10000000, 0x58000000, 0x9100001F
_WORD = (1 << 64) - 1


@dataclass
class Unit:
    """Words, some of which need to know where literals or later units are.

    `literals` maps positions of words to 64-bit values; `slots` are words that load any literal;
    `branches` maps positions to how many units ahead they lead.
    """

    words: list[int]
    literals: dict[int, int] = field(default_factory=dict)
    slots: list[int] = field(default_factory=list)
    branches: dict[int, int] = field(default_factory=dict)

    def load(self, register: int, value: int) -> None:
        """Set a register at this point."""
        self.literals[len(self.words)] = value & _WORD
        self.words.append(_LOAD_LITERAL | register)


@dataclass
class Blob:
    """What harness.c runs as one; `rows` says how often each row of the table is in it."""

    seed: int
    iterations: int
    words: list[int]
    literals: list[int]
    rows: Mapping[int, int] = field(default_factory=dict)

    def pack(self) -> bytes:
        head = [self.seed & 0xFFFFFFFF, self.seed >> 32, self.iterations]
        head += [len(self.words), len(self.literals), 0]
        return array("I", [*head, *self.words, *self.literals]).tobytes()


def file_of(blobs: Sequence[Blob], pool: Sequence[int], modes: Sequence[int]) -> bytes:
    """The file that harness.c reads."""
    head = array("I", [_MAGIC, len(blobs), len(pool), len(modes)])
    packed = [head.tobytes(), array("Q", pool).tobytes(), array("Q", modes).tobytes()]
    return b"".join([*packed, *(blob.pack() for blob in blobs)])


def read_blob(packed: bytes, number: int) -> Blob:
    """A blob of a file."""
    head = array("I", packed[:16])
    at = 16 + 8 * head[2] + 8 * head[3]
    while True:
        low, high, iterations, words, literals, _ = array("I", packed[at : at + 24])
        at += 24
        if number == 0:
            content = array("I", packed[at : at + 4 * (words + literals)]).tolist()
            return Blob(high << 32 | low, iterations, content[:words], content[words:])
        at += 4 * (words + literals)
        number -= 1


def probe(words: list[int]) -> Blob:
    """A blob that runs words once, as they are."""
    return Blob(0, 1, words, [0] * (len(words) % 2))


def probes(candidates: Sequence[int]) -> Iterator[Blob]:
    """Blobs in which each candidate runs once; branches are replaced.

    Loads and stores come apart, so that the addresses they use are those of the pool.
    """
    for memory in (False, True):
        words = [word for word in candidates if is_memory(word) is memory]
        for start in range(0, len(words), 200):
            yield probe([_NOP if is_branch(word) else word for word in words[start : start + 200]])


class Generator:
    """Blobs from a table, reproducible from `seed`.

    `legal` and `illegal` hold words for each row, which the caller sorts by trying them out.
    """

    def __init__(self, table: Table, seed: int, engines: tuple[str, ...]) -> None:
        self.table = table
        self.random = Random(seed)
        self.engines = engines
        self.left_out: dict[str, int] = {}
        self.legal: list[list[int]] = []
        self.illegal: list[tuple[int, int]] = []
        self._usual: Sequence[int] = range(31)
        self._window = _ARENA
        self._filler: list[int] = []
        self._chosen: list[int] = []

    def only(self, text: str) -> None:
        """Fill blobs with encodings whose name contains a text."""
        self._chosen = [i for i, row in enumerate(self.table.rows) if text and text in row.name]

    def strangers(self, count: int) -> list[int]:
        """Words that differ from those of rows in a bit or two, and words of any kind."""
        words: list[int] = []
        while len(words) < count:
            if self.random.random() < 0.3:
                word = self.random.getrandbits(32)
            else:
                index = self.random.randrange(len(self.table.rows))
                word = self.table.word(index, self.random, range(31)) or 0
                for _ in range(self.random.randrange(1, 3)):
                    word ^= 1 << self.random.randrange(32)
            reason = rules.not_generated(word)
            if (
                not is_branch(word)
                and not is_exception(word)
                and reason in ("", rules.UNKNOWN_ACCESS)
            ):
                words.append(word)
        return words

    def candidates(self, each: int) -> list[list[int]]:
        """Words for each row, fewer where rules leave some out."""
        found: list[list[int]] = []
        for index in range(len(self.table.rows)):
            words: list[int] = []
            for attempt in range(4 * each):
                if len(words) == each:
                    break
                if attempt % 16 == 0:
                    self._usual = self.random.sample(range(31), 8)
                word = self.table.word(index, self.random, self._usual)
                if word is None or not self._wanted(word):
                    continue
                words.append(word)
            found.append(words)
        return found

    def _wanted(self, word: int) -> bool:
        reason = rules.not_generated(word) or rules.known(word, self.engines)
        if reason:
            self.left_out[reason] = self.left_out.get(reason, 0) + 1
        return not reason

    def sort(self, candidates: Sequence[Sequence[int]], illegal: set[int]) -> None:
        """Tell which of the candidates are undefined."""
        self.legal = [[w for w in row if w not in illegal] for row in candidates]
        self.illegal = [(i, w) for i, row in enumerate(candidates) for w in row if w in illegal]
        self._filler = [w for row in self.legal for w in row if _is_plain(w)]

    def blob(self, size: int, iterations: int) -> Blob:
        """About `size` words; few iterations if some are meant to fault."""
        random = self.random
        faulty = random.random() < 0.06
        rows = [i for i, words in enumerate(self.legal) if words]
        chosen = random.sample(rows, min(len(rows), 24)) if random.random() < 0.5 else rows
        chosen = [i for i in self._chosen if self.legal[i]] or chosen
        self._window = _ARENA + random.randrange(64, _ARENA_SIZE - 320)
        self._usual = random.sample(range(31), 8)
        units: list[Unit] = []
        counts: dict[int, int] = {}
        length = 0
        while length < size:
            index = random.choice(chosen if random.random() < 0.85 else rows)
            word = random.choice(self.legal[index])
            if faulty and self.illegal and random.random() < 0.03:
                index, word = random.choice(self.illegal)
                unit: Unit | None = Unit([word])
            else:
                unit = self._unit(word, faulty and random.random() < 0.2)
            if unit is None:
                continue
            units.append(unit)
            length += len(unit.words)
            counts[index] = counts.get(index, 0) + 1
        seed = random.getrandbits(64)
        return _lay_out(units, random, Blob(seed, 4 if faulty else iterations, [], [], counts))

    def _unit(self, word: int, faulty: bool) -> Unit | None:
        if is_branch(word):
            return self._branch(word)
        if is_memory(word):
            found = access(word)
            assert found is not None
            return self._memory(word, found, faulty)
        register = rules.system_register(word)
        unit = Unit([])
        if is_exception(word) and not faulty:
            return None
        if (
            register in (rules.FPCR, rules.FPSR)
            and not bits(word, 21, 21)
            and bits(word, 4, 0) != 31
        ):
            value = (
                self.random.choice(float_modes(self.random))
                if register == rules.FPCR
                else 0x0800009F
            )
            if register == rules.FPSR:
                value &= self.random.getrandbits(32)
            unit.load(bits(word, 4, 0), value)
        unit.words.append(word)
        return unit

    def _branch(self, word: int) -> Unit | None:
        ahead = self.random.choice((1, 1, 2, 2, 3, 4))
        if word & 0xFE000000 == 0xD6000000:
            register = bits(word, 9, 5)
            if register == 31:
                return None
            return Unit([_ADR | register, word], branches={0: ahead})
        return Unit([word], branches={0: ahead})

    def _memory(self, word: int, found: Access, faulty: bool) -> Unit | None:
        unit = Unit([])
        if found.kind is Kind.LITERAL:
            return Unit([word], slots=[0])
        if found.kind is Kind.STORE_EXCLUSIVE or rules.aligned_only(word, self.engines):
            # An exclusive store may fail before its address is looked at.
            faulty = False
        if found.kind is Kind.STORE_EXCLUSIVE and self.random.random() < 0.3:
            unit.words.append(_CLREX)
        self._lead(unit, found, self._target(found, faulty))
        if found.kind is Kind.STORE_EXCLUSIVE and unit.words[0] != _CLREX:
            self._reserve(unit, word, found)
        elif found.kind is Kind.COMPARE_AND_SWAP and self.random.random() < 0.5:
            self._expect(unit, word, found)
        unit.words.append(word)
        return unit

    def _target(self, found: Access, faulty: bool) -> int:
        """An address for the access: in the arena, where it fits, or near its ends."""
        random = self.random
        if faulty:
            return self._faulty_target(found) | random.choice((0, 0, 0x5A << 56))
        if random.random() < 0.5:
            target = self._window + random.randrange(256)
        else:
            target = _ARENA + random.randrange(32, _ARENA_SIZE - 128)
        if random.random() < 0.6:
            target &= -found.size
        target &= -found.align
        return target | random.getrandbits(8) << 56 if random.random() < 0.05 else target

    def _faulty_target(self, found: Access) -> int:
        random = self.random
        draw = random.random()
        if found.align > 1 and draw < 0.5:
            return self._window + random.randrange(256)
        if draw < 0.6:
            return (_GUARD + random.randrange(_SEGMENT - 256)) & -found.align
        if draw < 0.9 or found.registers > 1 or found.align > 1:
            return (_READ_ONLY + random.randrange(_SEGMENT - 256)) & -found.align
        if found.store and found.size > 8:
            # How much of it is written is not said.
            return self._window
        edge = random.choice((_GUARD, _READ_ONLY + _SEGMENT, _READ_ONLY))
        return edge - random.randrange(found.size)

    def _lead(self, unit: Unit, found: Access, target: int) -> None:
        """Set base and index so that the access goes to `target`, or near it if SP is the base."""
        random = self.random
        offset = found.offset
        spare = random.choice([r for r in range(31) if r != found.index])
        if found.index == 31:
            offset += found.index_offset(0)
        elif found.index is not None:
            index = random.choice(
                (
                    random.randrange(64),
                    -random.randrange(64) & _WORD,
                    random.getrandbits(32),
                    random.getrandbits(64),
                )
            )
            unit.load(found.index, index)
            offset += found.index_offset(index)
        base = target - offset
        if found.base == 31:
            unit.load(spare, base & -16)
            unit.words.append(_SP_FROM | spare << 5)
        else:
            unit.load(found.base, base)

    def _reserve(self, unit: Unit, word: int, found: Access) -> None:
        """The exclusive load that lets the store succeed, and something in between."""
        random = self.random
        target, second = random.sample([r for r in range(31) if r != found.base], 2)
        load = word & 0xFFE07C00 & ~0x1F7C00 | 1 << 22 | 0x1F << 16 | found.base << 5 | target
        unit.words.append(load | (second if found.registers == 2 else 31) << 10)
        for _ in range(random.randrange(3)):
            filler = random.choice(self._filler)
            if bits(filler, 4, 0) != found.base:
                unit.words.append(filler)

    def _expect(self, unit: Unit, word: int, found: Access) -> None:
        """Load what is in memory into the register compared, so that the swap happens."""
        status = bits(word, 20, 16)
        if found.base == 31 or status == 31 or found.base in (status, status + found.registers - 1):
            return
        if found.registers == 1:
            unit.words.append(word & 0xC0000000 | 0x39400000 | found.base << 5 | status)
        elif status % 2 == 0 and status < 30:
            wide = bits(word, 30, 30) << 31
            unit.words.append(wide | 0x29400000 | status + 1 << 10 | found.base << 5 | status)


def is_branch(word: int) -> bool:
    """Leads elsewhere if it is no exception."""
    return word & 0x7C000000 in (0x14000000, 0x34000000) or word & 0xFE000000 in (
        0x54000000,
        0xD6000000,
    )


def is_exception(word: int) -> bool:
    """Raises a signal by itself."""
    return word & 0xFF000000 == 0xD4000000 or word >> 16 == 0


def _is_plain(word: int) -> bool:
    return word & 0x0E000000 in (0x0A000000, 0x0E000000) or word & 0x1C000000 == 0x10000000


def _lay_out(units: Sequence[Unit], random: Random, blob: Blob) -> Blob:
    """Join units, then fill in distances."""
    starts = [0]
    for unit in units:
        starts.append(starts[-1] + len(unit.words))
        blob.words += unit.words
    pool = starts[-1] + 1  # behind the word that leaves
    for number, unit in enumerate(units):
        start = starts[number]
        for at, value in unit.literals.items():
            blob.words[start + at] |= pool + len(blob.literals) - start - at << 5
            blob.literals += [value & 0xFFFFFFFF, value >> 32]
        for at, ahead in unit.branches.items():
            distance = starts[min(number + ahead, len(units))] - start - at
            blob.words[start + at] = _aim(unit.words[at], distance)
    blob.literals += [random.getrandbits(32) for _ in range(8)]
    for number, unit in enumerate(units):
        for at in unit.slots:
            place = starts[number] + at
            distance = pool + random.randrange(len(blob.literals) - 3) - place
            blob.words[place] = unit.words[at] & ~(0x7FFFF << 5) | distance << 5
    if (len(blob.words) + len(blob.literals)) % 2:
        blob.literals.append(0)
    return blob


def _aim(word: int, distance: int) -> int:
    """Set the distance of a branch or ADR, in words."""
    if word & 0x1F000000 == 0x10000000:
        return word | distance << 5
    if word & 0x7C000000 == 0x14000000:
        return word & 0xFC000000 | distance
    if word & 0x7E000000 == 0x36000000:
        return word & ~(0x3FFF << 5) | distance << 5
    return word & ~(0x7FFFF << 5) | distance << 5


def pool(seed: int) -> tuple[list[int], list[int]]:
    """Values for registers and memory, and FPCR modes, of one file."""
    random = Random(seed)
    return values(random), float_modes(random)
