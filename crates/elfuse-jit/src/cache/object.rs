//! The form of an object: compiled regions of one file at one guest address.
//!
//! All numbers are little-endian. Addresses are relative to the object's base, the guest address of
//! the file's first byte, so they are offsets in the file.
//!
//! ```text
//! header    magic, base, page count, length; SHA-256 of the file; checksum of header and pages
//! pages     per guest page with heads: number, offset and length of its part, checksum of the part
//! parts     per region: head, code offset and length, spans; per span: start, words; the words
//!           then the code of the regions
//! ```
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cache::checksum;

const MAGIC: [u8; 8] = *b"elfusec1";
const HEADER: usize = 80;
const PAGE_ROW: usize = 24;
const PAGE_BITS: u32 = 12;
const ALIGN: usize = 16;
/// Where the header's checksum is.
const SUM: usize = 72;

/// Bytes of a SHA-256.
pub const DIGEST: usize = 32;

/// A compiled region on its way into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The instructions it was made from: runs of words, by address, ascending.
    pub spans: Vec<(u32, Vec<u32>)>,
    /// For the host.
    pub code: Vec<u8>,
}

/// Regions by head.
pub type Regions = BTreeMap<u32, Translation>;

/// Why an object cannot be used.
pub type Damage = &'static str;

/// A region in an object.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Address of the first instruction.
    pub head: u32,
    spans: u32,
    rest: &'a [u8],
    /// Where the code is in the object.
    pub code: Range<usize>,
}

impl<'a> Entry<'a> {
    /// Start and words of its spans.
    pub fn spans(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut rest = self.rest;
        (0..self.spans).map_while(move |_| {
            let start = word(rest, 0)?;
            let bytes = 4 * word(rest, 4)? as usize;
            let words = rest.get(8..8usize.checked_add(bytes)?)?;
            rest = &rest[8 + bytes..];
            Some((start, words))
        })
    }
}

/// A row of the page table.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Relative address, without the bits in the page.
    pub number: u32,
    offset: u32,
    length: u32,
    sum: u64,
}

/// An object in memory, its header verified.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    bytes: &'a [u8],
    /// Guest address of the file's first byte.
    pub base: u64,
    count: usize,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}

impl<'a> Object<'a> {
    /// Check header and page table.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Damage> {
        let short = "it is too short";
        if bytes.get(..8).ok_or(short)? != MAGIC {
            return Err("it is no cache object");
        }
        let base = long(bytes, 8).ok_or(short)?;
        let count = long(bytes, 16).ok_or(short)? as usize;
        let length = long(bytes, 24).ok_or(short)?;
        if length != bytes.len() as u64 {
            return Err("its length is not the one it has in its header");
        }
        let table = count
            .checked_mul(PAGE_ROW)
            .and_then(|size| bytes.get(HEADER..HEADER.checked_add(size)?))
            .ok_or("its page table does not fit")?;
        if long(bytes, SUM) != Some(table_sum(bytes, table)) {
            return Err("the checksum of its page table is wrong");
        }
        Ok(Self { bytes, base, count })
    }

    /// SHA-256 of the file that the regions are from.
    #[must_use]
    pub fn digest(&self) -> &'a [u8] {
        &self.bytes[40..40 + DIGEST]
    }

    /// Pages with regions, ascending.
    pub fn pages(self) -> impl Iterator<Item = Page> + use<'a> {
        (0..self.count).filter_map(move |index| self.page(index))
    }

    /// A row of the page table, by index.
    #[must_use]
    pub fn page(self, index: usize) -> Option<Page> {
        if index >= self.count {
            return None;
        }
        let at = HEADER + PAGE_ROW * index;
        Some(Page {
            number: word(self.bytes, at)?,
            offset: word(self.bytes, at + 4)?,
            length: word(self.bytes, at + 8)?,
            sum: long(self.bytes, at + 16)?,
        })
    }

    /// Index and row of the page `number`.
    #[must_use]
    pub fn find(self, number: u32) -> Option<(usize, Page)> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.page(middle)?.number < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let page = self.page(low)?;
        (page.number == number).then_some((low, page))
    }

    /// Check a part of the object against its checksum.
    pub fn check(self, page: Page) -> Result<(), Damage> {
        match self.part(page) {
            Some(part) if checksum(part) == page.sum => Ok(()),
            _ => Err("the checksum of a page's regions is wrong"),
        }
    }

    fn part(self, page: Page) -> Option<&'a [u8]> {
        let start = page.offset as usize;
        self.bytes
            .get(start..start.checked_add(page.length as usize)?)
    }

    /// The regions that begin in a page, as far as they make sense.
    pub fn regions(self, page: Page) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let part = self.part(page).unwrap_or_default();
        let mut at = 4;
        (0..word(part, 0).unwrap_or(0)).map_while(move |_| {
            let head = word(part, at)?;
            let code = word(part, at + 4)? as usize;
            let length = word(part, at + 8)? as usize;
            let spans = word(part, at + 12)?;
            let start = at + 16;
            let mut end = start;
            for _ in 0..spans {
                end = 4usize
                    .checked_mul(word(part, end + 4)? as usize)?
                    .checked_add(end + 8)?;
            }
            at = end;
            let rest = part.get(start..end)?;
            part.get(code..code.checked_add(length)?)?;
            let code = page.offset as usize + code;
            Some(Entry {
                head,
                spans,
                rest,
                code: code..code + length,
            })
        })
    }

    /// All regions, to be put into another object; Damage if any part is damaged.
    pub fn contents(self) -> Result<Regions, Damage> {
        let mut found = Regions::new();
        for page in self.pages() {
            self.check(page)?;
            for entry in self.regions(page) {
                let code = self.bytes[entry.code.clone()].to_vec();
                let spans = entry
                    .spans()
                    .map(|(start, words)| {
                        let words = words.chunks_exact(4).filter_map(|bytes| word(bytes, 0));
                        (start, words.collect())
                    })
                    .collect();
                found.insert(entry.head, Translation { spans, code });
            }
        }
        Ok(found)
    }
}

fn table_sum(bytes: &[u8], table: &[u8]) -> u64 {
    checksum(&bytes[..SUM]) ^ checksum(table).rotate_left(1)
}

/// Put regions into the form of an object; None if they are too much for one.
#[must_use]
pub fn assemble(base: u64, digest: &[u8; DIGEST], regions: &Regions) -> Option<Vec<u8>> {
    let mut pages: BTreeMap<u32, Vec<(u32, &Translation)>> = BTreeMap::new();
    for (&head, region) in regions {
        let page = pages.entry(head >> PAGE_BITS).or_default();
        page.push((head, region));
    }
    let mut table = Vec::new();
    let mut parts = Vec::new();
    let start = HEADER + PAGE_ROW * pages.len();
    parts.resize(start.next_multiple_of(ALIGN) - start, 0);
    for (number, regions) in &pages {
        let part = part(regions);
        let offset = u32::try_from(start + parts.len()).ok()?;
        let length = u32::try_from(part.len()).ok()?;
        for value in [*number, offset, length, 0] {
            table.extend(value.to_le_bytes());
        }
        table.extend(checksum(&part).to_le_bytes());
        parts.extend(part);
    }
    let mut bytes = MAGIC.to_vec();
    let length = (start + parts.len()) as u64;
    for value in [base, pages.len() as u64, length, 0] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(digest);
    let sum = table_sum(&bytes, &table);
    bytes.extend(sum.to_le_bytes());
    bytes.extend(table);
    bytes.extend(parts);
    u32::try_from(bytes.len()).is_ok().then_some(bytes)
}

fn part(regions: &[(u32, &Translation)]) -> Vec<u8> {
    let table: usize = regions
        .iter()
        .map(|(_, region)| {
            let words: usize = region
                .spans
                .iter()
                .map(|(_, words)| 8 + 4 * words.len())
                .sum();
            16 + words
        })
        .sum();
    let mut code_at = (4 + table).next_multiple_of(ALIGN);
    let mut part = (regions.len() as u32).to_le_bytes().to_vec();
    let mut code = Vec::new();
    for (head, region) in regions {
        let length = region.code.len();
        for value in [
            *head,
            code_at as u32,
            length as u32,
            region.spans.len() as u32,
        ] {
            part.extend(value.to_le_bytes());
        }
        for (start, words) in &region.spans {
            part.extend(start.to_le_bytes());
            part.extend((words.len() as u32).to_le_bytes());
            part.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        code.extend(&region.code);
        code.resize(code.len().next_multiple_of(ALIGN), 0);
        code_at += length.next_multiple_of(ALIGN);
    }
    part.resize(part.len().next_multiple_of(ALIGN), 0);
    part.extend(code);
    part
}
