//! Which mapping calls the engine answers, and what the kernel part does not know of them yet.

/// As many changes may be unknown to the kernel part; after them it is asked, and takes note.
const MOST: usize = 256;

/// What an answered call did. Ranges are whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The heap has these pages more, and the program break is at `brk`.
    Heap { start: u64, end: u64, brk: u64 },
    /// Private memory without a file.
    Anonymous {
        start: u64,
        end: u64,
        protection: u8,
    },
    /// A private mapping of what the guest has open as `fd`, or had then, from `offset`.
    File {
        start: u64,
        end: u64,
        protection: u8,
        fd: u32,
        offset: u64,
    },
    /// Nothing is mapped any more.
    Unmapped { start: u64, end: u64 },
    /// All that is mapped allows this now.
    Protected {
        start: u64,
        end: u64,
        protection: u8,
    },
}

/// What the kernel part has allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Where the heap begins.
    pub(crate) heap: u64,
    /// The program break.
    pub(crate) brk: u64,
    /// Mappings that have no place are below.
    pub(crate) base: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Served {
    allowed: Option<Allowed>,
    changes: Vec<Change>,
}

impl Served {
    /// Calls are answered from now on.
    pub(crate) fn begin(&mut self, allowed: Allowed) {
        self.allowed = Some(allowed);
    }

    /// They are not any more.
    pub(crate) fn end(&mut self) {
        self.allowed = None;
    }

    /// What is needed for an answer; None if there is to be none.
    pub(crate) fn allowed(&self) -> Option<Allowed> {
        self.allowed.filter(|_| self.changes.len() < MOST)
    }

    /// Something is unknown to the kernel part.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The kernel part takes note of all changes.
    pub(crate) fn take(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// A call was answered.
    pub(crate) fn note(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// brk(2) was answered: the heap has the pages up to `end`.
    pub(crate) fn note_break(&mut self, from: u64, end: u64, brk: u64) {
        if let Some(allowed) = &mut self.allowed {
            allowed.brk = brk;
        }
        match self.changes.last_mut() {
            Some(Change::Heap {
                end: last,
                brk: before,
                ..
            }) => (*last, *before) = (end, brk),
            _ => self.note(Change::Heap {
                start: from,
                end,
                brk,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_of_the_break_are_one_change() {
        let mut served = Served::default();
        served.note_break(0x1000, 0x1000, 0x800);
        served.note_break(0x1000, 0x3000, 0x2001);
        let change = Change::Heap {
            start: 0x1000,
            end: 0x3000,
            brk: 0x2001,
        };
        assert_eq!(served.take(), [change]);
        assert!(!served.is_ahead());
    }

    #[test]
    fn the_kernel_part_is_asked_before_it_is_too_far_behind() {
        let mut served = Served::default();
        assert!(served.allowed().is_none());
        served.begin(Allowed {
            heap: 0,
            brk: 0,
            base: 0,
        });
        for _ in 0..MOST {
            assert!(served.allowed().is_some());
            served.note(Change::Unmapped { start: 0, end: 1 });
        }
        assert!(served.allowed().is_none());
        served.take();
        assert!(served.allowed().is_some());
        served.end();
        assert!(served.allowed().is_none());
    }
}
