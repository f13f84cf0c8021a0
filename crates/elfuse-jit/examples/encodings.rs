//! Prints the encoding table: name, tab, pattern; what `tests/engine/random` makes programs from.

use std::io::{self, BufWriter, Write};

use elfuse_jit::table;

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for row in table::rows() {
        writeln!(out, "{}\t{}", row.name, row.pattern)?;
    }
    out.flush()
}
