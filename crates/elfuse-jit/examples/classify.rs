//! Reads instruction words and writes for each the number of its row in the table, or 65535 if it is
//! undefined: little-endian, 32 bits in and 16 bits out.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use elfuse_jit::table;

const UNDEFINED: u16 = u16::MAX;

fn main() -> io::Result<()> {
    let numbers: HashMap<&str, u16> = (0..).zip(table::rows()).map(|(i, r)| (r.name, i)).collect();
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    let (words, _) = input.as_chunks::<4>();
    let rows = words.iter().map(|&bytes| {
        let word = u32::from_le_bytes(bytes);
        let row = table::lookup(word).filter(|row| (row.decode)(word).is_some());
        row.map_or(UNDEFINED, |row| numbers[row.name])
    });
    let output: Vec<u8> = rows.flat_map(u16::to_le_bytes).collect();
    io::stdout().lock().write_all(&output)
}
