"""Framing: bytes to packets and back, whatever pieces they come in."""

from hypothesis import given
from hypothesis import strategies as st

from elfuse.runtime.gdb.packets import LIMIT, Item, Kind, Reader, escape, frame, unescape

CONTENT = st.binary(max_size=64)
# Mostly what means something to a reader.
NOISE = st.lists(
    st.sampled_from([b"$", b"#", b"#00", b"+", b"-", b"\x03", b"}", b"*", b"g", b"$g#67", b"00"])
    | st.binary(max_size=8)
).map(b"".join)


def items(data: bytes) -> list[Item]:
    return list(Reader().feed(data))


def packet(content: bytes) -> Item:
    return Item(Kind.PACKET, content)


@given(CONTENT)
def test_escaping_is_undone_and_leaves_nothing_special(data: bytes) -> None:
    escaped = escape(data)
    assert unescape(escaped) == data
    assert not set(b"#$*") & set(escaped)


@given(st.lists(CONTENT), st.data())
def test_packets_are_found_however_they_are_cut(contents: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(escape(content)) for content in contents)
    reader, found = Reader(), list[Item]()
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == [packet(content) for content in contents]


@given(NOISE, st.data())
def test_pieces_mean_what_the_whole_means(noise: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(noise)))
    reader = Reader()
    assert [*reader.feed(noise[:cut]), *reader.feed(noise[cut:])] == items(noise)


@given(NOISE)
def test_a_packet_behind_noise_is_heard_at_the_second_time(noise: bytes) -> None:
    # An unfinished packet may swallow the beginning of the first one as its checksum.
    assert packet(b"g") in items(noise + frame(b"g") + frame(b"g"))


def test_signs_and_interrupts_stand_between_packets() -> None:
    kinds = [item.kind for item in items(b"+-\x03noise$g#67+")]
    assert kinds == [Kind.ACCEPTED, Kind.REFUSED, Kind.INTERRUPT, Kind.PACKET, Kind.ACCEPTED]


def test_a_wrong_checksum_is_a_broken_packet_until_checksums_do_not_count() -> None:
    reader = Reader()
    assert list(reader.feed(b"$g#68$g#zz$g#67")) == [
        Item(Kind.BROKEN),
        Item(Kind.BROKEN),
        packet(b"g"),
    ]
    reader.checks = False
    assert list(reader.feed(b"$g#68")) == [packet(b"g")]


def test_checksums_end_counting_in_the_middle_of_what_arrived() -> None:
    reader = Reader()
    found = []
    for item in reader.feed(frame(b"QStartNoAckMode") + b"$g#00"):
        found.append(item.data)
        reader.checks = False
    assert found == [b"QStartNoAckMode", b"g"]


def test_a_packet_that_was_cut_off_is_broken() -> None:
    assert items(b"$m1234$g#67") == [Item(Kind.BROKEN), packet(b"g")]


def test_an_interrupt_in_a_packet_is_content() -> None:
    assert items(frame(b"X0,1:\x03")) == [packet(b"X0,1:\x03")]


def test_a_packet_without_an_end_is_dropped_at_the_limit() -> None:
    reader = Reader()
    assert list(reader.feed(b"$" + b"x" * (LIMIT - 1))) == []
    assert list(reader.feed(b"xx")) == [Item(Kind.OVERSIZED)]
    assert list(reader.feed(frame(b"g"))) == [packet(b"g")]


def test_a_long_packet_with_an_end_is_oversized_too() -> None:
    long = frame(b"x" * (LIMIT + 1))
    assert items(long + frame(b"g")) == [Item(Kind.OVERSIZED), packet(b"g")]
