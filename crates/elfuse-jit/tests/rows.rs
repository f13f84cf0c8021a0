//! The table of encodings is consistent: every row can be reached, under one name.

use std::collections::HashSet;

use elfuse_jit::table::{self, Row};

/// Words that match the row's pattern: those it decodes, if there are any.
fn words(row: &Row) -> Vec<u32> {
    let mut filling = 0u32;
    let all = (0..4096).map(|_| {
        filling = filling
            .wrapping_mul(0x9E37_79B1)
            .wrapping_add(0x7F4A_7C15)
            .rotate_left(13);
        row.value | filling & !row.mask
    });
    let (decoded, undefined): (Vec<u32>, Vec<u32>) =
        all.partition(|&word| (row.decode)(word).is_some());
    if decoded.is_empty() {
        undefined
    } else {
        decoded
    }
}

#[test]
fn no_row_is_hidden_by_an_earlier_one() {
    for row in table::rows() {
        let found = |word| table::lookup(word).map(|row| row.name);
        let reached = words(row)
            .into_iter()
            .any(|word| found(word) == Some(row.name));
        assert!(reached, "{}", row.name);
    }
}

#[test]
fn names_are_unique() {
    let mut names = HashSet::new();
    for row in table::rows() {
        assert!(names.insert(row.name), "{}", row.name);
    }
}
