//! The cache of one address space: objects behind mapped files, and what to write down.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cache::Identity;
use crate::cache::build::place;
use crate::cache::directory::{self, Directory};
use crate::cache::object::{Entry, Object};
use crate::cache::profile::{self, BITS, Seen};
use crate::code::Code;
use crate::compile::fork;
use crate::host;

const PAGE: u64 = 4096;
/// Less is not worth a worker's start.
const LEAST_HEADS: usize = 32;
/// As many are written down before the process ends.
const MANY_HEADS: usize = 4096;

/// Counters for tests and for people who wonder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Objects of code that is mapped.
    pub objects: u64,
    /// Regions taken from them since the address space was empty.
    pub installed: u64,
    /// Hot heads not written down yet.
    pub noted: u64,
}

/// Of one address space.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: Directory,
    /// Only locked together with [`fork::Lock`].
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Mapped code, in the order of mapping: later ones may lie over earlier ones.
    mappings: Vec<Mapping>,
    /// Those of code that may come back, with their regions in use.
    parked: Vec<Mapping>,
    /// Objects in the arena, by name.
    loaded: HashMap<String, Loaded>,
    /// Heads to write down.
    noted: HashSet<u64>,
    /// One of them was compiled, or would have been soon.
    hot: bool,
    statistics: Statistics,
}

#[derive(Clone, Copy, Debug)]
struct Loaded {
    offset: u32,
    length: u32,
    /// Of the file, which nobody else has while this one is mapped.
    inode: u64,
}

#[derive(Debug)]
struct Mapping {
    start: u64,
    end: u64,
    base: u64,
    identity: Identity,
    path: Vec<u8>,
    loaded: Option<Loaded>,
    /// Pages of the object whose regions are in use, by index.
    installed: Vec<usize>,
    /// How many regions those are.
    regions: u64,
    /// It came back from where it was put aside, and the file is still to be looked at.
    restored: bool,
}

impl Mapping {
    /// Use the kept regions that begin in the page of `pc`: their heads and offsets in the arena are
    /// for `use_region`. How many.
    fn install(&mut self, code: &Code, pc: u64, use_region: impl Fn(u64, u32)) -> u64 {
        let Some(loaded) = self.loaded else { return 0 };
        let number = ((pc - self.base) / PAGE) as u32;
        let found = object(code, loaded).and_then(|object| Some((object, object.find(number)?)));
        let Some((object, (index, page))) = found else {
            return 0;
        };
        if object.check(page).is_err() {
            return 0;
        }
        self.installed.push(index);
        let mut count = 0;
        for entry in object.regions(page) {
            if matches(code, self, &entry) {
                let head = self.base + u64::from(entry.head);
                use_region(head, loaded.offset + entry.code.start as u32);
                count += 1;
            }
        }
        self.regions += count;
        count
    }

    /// The heads of its regions in use that have instructions in a range.
    fn heads(&self, code: &Code, start: u64, end: u64) -> Vec<u64> {
        let mut heads = Vec::new();
        if end <= self.start || self.end <= start {
            return heads;
        }
        let Some(object) = self.loaded.and_then(|loaded| object(code, loaded)) else {
            return heads;
        };
        for &index in &self.installed {
            let regions = object.page(index).map(|page| object.regions(page));
            for entry in regions.into_iter().flatten() {
                if ranges(self.base, &entry).any(|(from, to, _)| from < end && start < to) {
                    heads.push(self.base + u64::from(entry.head));
                }
            }
        }
        heads
    }
}

struct Locked<'a> {
    state: MutexGuard<'a, State>,
    // Dropped after `state`.
    _fork: fork::Lock,
}

impl Cache {
    /// In the directory behind a descriptor; None if this engine's code cannot be kept.
    pub(crate) fn new(directory: OwnedFd, confined: bool) -> Option<Self> {
        Some(Self {
            directory: Directory::new(directory, confined)?,
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> Locked<'_> {
        let fork = fork::Lock::new();
        Locked {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner),
            _fork: fork,
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let locked = self.lock();
        let mappings = locked.state.mappings.iter();
        let objects: HashSet<u32> = mappings
            .filter_map(|mapping| mapping.loaded.map(|loaded| loaded.offset))
            .collect();
        Statistics {
            objects: objects.len() as u64,
            noted: locked.state.noted.len() as u64,
            ..locked.state.statistics
        }
    }

    /// Code of the file behind `fd` was mapped: use what is kept of it.
    pub(crate) fn attach(&self, code: &Code, start: u64, length: u64, fd: RawFd, offset: u64) {
        let Some(base) = start.checked_sub(offset) else {
            return;
        };
        let Ok(status) = host::status(fd) else {
            return;
        };
        if status.st_mode & libc::S_IFMT != libc::S_IFREG {
            return;
        }
        let identity = Identity::of(&status);
        let end = start + length;
        let mut locked = self.lock();
        let loaded = self.load(&mut locked.state, code, &identity, base);
        let restored = locked.state.mappings.iter().position(|mapping| {
            mapping.restored && (mapping.start, mapping.base) == (start, base) && mapping.end <= end
        });
        if let Some(index) = restored {
            let mapping = &mut locked.state.mappings[index];
            let inode = |loaded: Option<Loaded>| loaded.map(|loaded| loaded.inode);
            if mapping.identity == identity && inode(mapping.loaded) == inode(loaded) {
                mapping.restored = false;
                mapping.end = end;
                let regions = mapping.regions;
                locked.state.statistics.installed += regions;
                return;
            }
            for head in locked.state.mappings.remove(index).heads(code, start, end) {
                code.uninstall(head);
            }
        }
        let mut mapping = Mapping {
            start,
            end,
            base,
            identity,
            path: directory::path_of(fd),
            loaded,
            installed: Vec::new(),
            regions: 0,
            restored: false,
        };
        let mut installed = 0;
        if let Some(object) = loaded.and_then(|loaded| object(code, loaded)) {
            for page in object.pages() {
                let pc = base + u64::from(page.number) * PAGE;
                if !(start..end).contains(&pc) {
                    continue;
                }
                if code.has_decoded(pc) {
                    // Restored: nothing will be decoded that regions could be used instead of.
                    installed += mapping.install(code, pc, |head, offset| {
                        code.install(head, offset);
                    });
                } else {
                    code.mark_cached(pc);
                }
            }
        }
        locked.state.statistics.installed += installed;
        locked.state.mappings.push(mapping);
    }

    /// Map the object of a file at an address, unless it is in the arena already.
    fn load(
        &self,
        state: &mut State,
        code: &Code,
        identity: &Identity,
        base: u64,
    ) -> Option<Loaded> {
        let name = format!("{}-{base:x}", self.directory.known(identity)?);
        let (file, status) = self.directory.object(&name)?;
        let inode = status.st_ino;
        if let Some(loaded) = state.loaded.get(&name)
            && loaded.inode == inode
        {
            return Some(*loaded);
        }
        let length = u32::try_from(status.st_size).ok()?;
        let offset = code.arena.map(file.as_raw_fd(), length)?;
        let loaded = Loaded {
            offset,
            length,
            inode,
        };
        if object(code, loaded)?.base != base {
            return None;
        }
        state.loaded.insert(name, loaded);
        Some(loaded)
    }

    /// Use the kept regions that begin in the page of `pc`.
    pub(crate) fn install(&self, code: &Code, pc: u64) {
        let mut locked = self.lock();
        let state = &mut *locked.state;
        let mapping = state.mappings.iter_mut().rev();
        let Some(mapping) = mapping
            .into_iter()
            .find(|mapping| (mapping.start..mapping.end).contains(&pc))
        else {
            return;
        };
        state.statistics.installed += mapping.install(code, pc, |head, offset| {
            code.install_kept(head, offset);
        });
    }

    /// The heads of regions in use that have instructions in a range; they are used no more.
    pub(crate) fn overlapping(&self, code: &Code, start: u64, end: u64) -> Vec<u64> {
        let locked = self.lock();
        let mappings = locked.state.mappings.iter();
        mappings
            .flat_map(|mapping| mapping.heads(code, start, end))
            .collect()
    }

    /// Code was unmapped, or is no code any more.
    pub(crate) fn forget(&self, start: u64, end: u64) {
        let mut locked = self.lock();
        let mappings = &mut locked.state.mappings;
        mappings.retain(|mapping| mapping.start < start || end < mapping.end);
    }

    /// Note a branch target that is reached often; `hot` if it is compiled now.
    pub(crate) fn note(&self, pc: u64, hot: bool) {
        let mut locked = self.lock();
        locked.state.noted.insert(pc);
        locked.state.hot |= hot;
    }

    /// Whether so much was noted that it should be written down soon.
    pub(crate) fn is_full(&self) -> bool {
        self.lock().state.noted.len() >= MANY_HEADS
    }

    /// Leave what was noted for the worker, if it is worth that.
    pub(crate) fn record(&self, code: &Code) {
        let seen = {
            let mut locked = self.lock();
            let state = &mut *locked.state;
            if state.noted.len() < LEAST_HEADS && !state.hot {
                return;
            }
            state.hot = false;
            let noted = std::mem::take(&mut state.noted);
            collect(code, &state.mappings, noted)
        };
        if !seen.is_empty() {
            // Nothing depends on it: without the directory, or space in it, nothing is learnt.
            let _ = self.directory.leave(&profile::write(&seen, code.confined));
        }
    }

    /// In the child of a fork: the parent writes down what both saw.
    pub(crate) fn after_fork(&self) {
        let mut locked = self.lock();
        locked.state.noted.clear();
        locked.state.hot = false;
    }

    /// Put the code of a range aside, with its regions in use; whether it is one mapping's.
    ///
    /// What is behind the range was mapped with it, and replaced: dynamic linkers map a library
    /// whole first.
    pub(crate) fn park(&self, code: &Code, start: u64, end: u64) -> bool {
        let mut locked = self.lock();
        let state = &mut *locked.state;
        state
            .parked
            .retain(|mapping| mapping.end <= start || end <= mapping.start);
        let mut overlapping = state
            .mappings
            .iter()
            .enumerate()
            .filter(|(_, mapping)| mapping.start < end && start < mapping.end);
        let Some((index, mapping)) = overlapping.next() else {
            return false;
        };
        let whole = mapping.start == start && end <= mapping.end && mapping.loaded.is_some();
        if !whole || overlapping.next().is_some() {
            return false;
        }
        let mut mapping = state.mappings.remove(index);
        for head in mapping.heads(code, end, mapping.end) {
            code.uninstall(head);
        }
        mapping.end = end;
        state.parked.push(mapping);
        true
    }

    /// Code of a range came back: whether its regions are in use again.
    pub(crate) fn unpark(&self, start: u64, end: u64) -> bool {
        let mut locked = self.lock();
        let state = &mut *locked.state;
        let index = state
            .parked
            .iter()
            .position(|mapping| (mapping.start, mapping.end) == (start, end));
        let Some(index) = index else {
            return false;
        };
        let mut mapping = state.parked.remove(index);
        mapping.restored = true;
        state.mappings.push(mapping);
        true
    }

    /// Nothing is mapped any more. Whether the arena holds code that may come back: only if `keep`.
    pub(crate) fn reset(&self, keep: bool) -> bool {
        let mut locked = self.lock();
        let before = std::mem::take(&mut *locked.state);
        if !keep || before.parked.is_empty() {
            return false;
        }
        locked.state.parked = before.parked;
        locked.state.loaded = before.loaded;
        true
    }
}

/// An object in the arena.
fn object(code: &Code, loaded: Loaded) -> Option<Object<'_>> {
    Object::open(code.arena.bytes(loaded.offset, loaded.length)).ok()
}

/// Start, end and words of a region's spans as guest addresses.
fn ranges<'a>(base: u64, entry: &Entry<'a>) -> impl Iterator<Item = (u64, u64, &'a [u8])> {
    entry.spans().map(move |(start, words)| {
        let start = base + u64::from(start);
        (start, start + words.len() as u64, words)
    })
}

/// Whether the guest's memory has the instructions that a region was made from, its head among them.
fn matches(code: &Code, mapping: &Mapping, entry: &Entry<'_>) -> bool {
    let head = mapping.base + u64::from(entry.head);
    let mut spans = ranges(mapping.base, entry);
    if !head.is_multiple_of(4) || !spans.any(|(start, end, _)| (start..end).contains(&head)) {
        return false;
    }
    ranges(mapping.base, entry).all(|(start, end, words)| {
        let inside = mapping.start <= start && end <= mapping.end && start.is_multiple_of(4);
        if !inside {
            return false;
        }
        let mut pages = (start & !(PAGE - 1)..end).step_by(PAGE as usize);
        // Marked before they are read: changes from now on are noticed.
        pages.all(|page| {
            code.mark_compiled(page);
            code.is_executable(page)
        }) && words
            .chunks_exact(4)
            .zip((start..).step_by(4))
            .all(|(word, pc)| code.word(pc).is_some_and(|held| held.to_le_bytes() == word))
    })
}

/// Sort heads by file, with the instructions executed there.
fn collect(code: &Code, mappings: &[Mapping], noted: HashSet<u64>) -> Vec<Seen> {
    let mut by_mapping: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for pc in noted {
        let found = mappings
            .iter()
            .rposition(|mapping| (mapping.start..mapping.end).contains(&pc));
        if let Some(index) = found
            && let Ok(head) = u32::try_from(pc - mappings[index].base)
        {
            by_mapping.entry(index).or_default().push(head);
        }
    }
    let mut seen = Vec::new();
    for (index, mut heads) in by_mapping {
        heads.sort_unstable();
        let mapping = &mappings[index];
        seen.push(Seen {
            identity: mapping.identity,
            base: mapping.base,
            path: mapping.path.clone(),
            heads,
            pages: executed(code, mapping),
        });
    }
    seen
}

fn executed(code: &Code, mapping: &Mapping) -> Vec<(u32, [u8; BITS])> {
    let mut pages = Vec::new();
    for page in (mapping.start..mapping.end).step_by(PAGE as usize) {
        if !code.has_decoded(page) {
            continue;
        }
        let mut bits = [0; BITS];
        for pc in (page..page + PAGE).step_by(4) {
            if code.is_decoded(pc) {
                let (byte, bit) = place(pc as u32);
                bits[byte] |= bit;
            }
        }
        if let Ok(number) = u32::try_from((page - mapping.base) / PAGE) {
            pages.push((number, bits));
        }
    }
    pages
}
