//! Half-open address ranges with a value each.

/// A value that more than one range can have.
pub(crate) trait Share {
    /// The same value once more.
    fn share(&self) -> Self;
}

impl<T: Copy> Share for T {
    fn share(&self) -> Self {
        *self
    }
}

/// `start <= address < end` has `value`.
#[derive(Debug)]
pub(crate) struct Span<T> {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) value: T,
}

impl<T: Share> Span<T> {
    fn part(&self, start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            value: self.value.share(),
        }
    }
}

/// Disjoint ranges in address order.
#[derive(Debug)]
pub(crate) struct Spans<T> {
    /// Sorted, without overlap.
    all: Vec<Span<T>>,
}

impl<T> Default for Spans<T> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

impl<T: Share> Spans<T> {
    pub(crate) fn all(&self) -> &[Span<T>] {
        &self.all
    }

    /// Where the first range that ends above an address is, or would be.
    fn ending_above(&self, address: u64) -> usize {
        self.all.partition_point(|span| span.end <= address)
    }

    /// Where the first range that starts at or above an address is, or would be.
    fn starting_at(&self, address: u64) -> usize {
        self.all.partition_point(|span| span.start < address)
    }

    /// The range that holds an address.
    pub(crate) fn at(&self, address: u64) -> Option<&Span<T>> {
        let found = self.all.get(self.ending_above(address))?;
        (found.start <= address).then_some(found)
    }

    /// The first range that starts at or above an address.
    pub(crate) fn after(&self, address: u64) -> Option<&Span<T>> {
        self.all.get(self.starting_at(address))
    }

    /// The last range that starts below an address.
    pub(crate) fn before(&self, address: u64) -> Option<&Span<T>> {
        self.all.get(self.starting_at(address).checked_sub(1)?)
    }

    /// Ranges with at least one address in `start..end`, not clipped.
    pub(crate) fn overlapping(&self, start: u64, end: u64) -> &[Span<T>] {
        let first = self.ending_above(start);
        &self.all[first..self.starting_at(end).max(first)]
    }

    /// Whether every address of `start..end` is in some range.
    pub(crate) fn covered(&self, start: u64, end: u64) -> bool {
        let mut at = start;
        for found in &self.all[self.ending_above(start)..] {
            if at >= end || found.start > at {
                break;
            }
            at = found.end;
        }
        at >= end
    }

    /// Cut `start..end` out; the parts, clipped, and where it was.
    fn cut(&mut self, start: u64, end: u64) -> (Vec<Span<T>>, usize) {
        let first = self.ending_above(start);
        let last = self.starting_at(end).max(first);
        let Some(lowest) = self.all[first..last].first() else {
            return (Vec::new(), first);
        };
        let before = (lowest.start < start).then(|| lowest.part(lowest.start, start));
        let highest = &self.all[last - 1];
        let after = (highest.end > end).then(|| highest.part(end, highest.end));
        let place = first + usize::from(before.is_some());
        let kept = before.into_iter().chain(after);
        let mut parts: Vec<Span<T>> = self.all.splice(first..last, kept).collect();
        for part in &mut parts {
            part.start = part.start.max(start);
            part.end = part.end.min(end);
        }
        (parts, place)
    }

    /// Remove a range; what was there, clipped.
    pub(crate) fn clear(&mut self, start: u64, end: u64) -> Vec<Span<T>> {
        self.cut(start, end).0
    }

    /// Give a range a value; what was there, clipped.
    pub(crate) fn set(&mut self, start: u64, end: u64, value: T) -> Vec<Span<T>> {
        debug_assert!(start < end, "an empty range");
        let (parts, place) = self.cut(start, end);
        self.all.insert(place, Span { start, end, value });
        parts
    }
}
