//! Address ranges with a value each, for Python: `elfuse.engine.ranges` says what they do.
//!
//! A program's start changes its mappings some fifty times, and each change looks at ranges several
//! times.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};

/// An address, or for sums of what guests ask for, which may be beyond all, the next bound.
fn bound(given: &Bound<'_, PyAny>) -> PyResult<u64> {
    match given.extract() {
        Ok(value) => Ok(value),
        Err(_) if given.lt(0)? => Ok(0),
        Err(_) => Ok(u64::MAX),
    }
}

/// `start <= address < end` has `value`.
#[pyclass(frozen)]
pub(crate) struct Range {
    #[pyo3(get)]
    start: u64,
    #[pyo3(get)]
    end: u64,
    #[pyo3(get)]
    value: Py<PyAny>,
}

#[pymethods]
impl Range {
    #[new]
    fn new(start: u64, end: u64, value: Py<PyAny>) -> Self {
        Self { start, end, value }
    }

    /// `Range[T]` is this class again.
    #[classmethod]
    fn __class_getitem__(cls: &Bound<'_, PyType>, _parameters: &Bound<'_, PyAny>) -> Py<PyType> {
        cls.clone().unbind()
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        Ok((self.start, self.end) == (other.start, other.end)
            && self.value.bind(py).eq(&other.value)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let value = self.value.bind(py).repr()?;
        Ok(format!(
            "Range(start={}, end={}, value={value})",
            self.start, self.end
        ))
    }
}

impl Range {
    fn part(&self, py: Python<'_>, start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            value: self.value.clone_ref(py),
        }
    }
}

/// Disjoint ranges in address order.
#[pyclass]
#[derive(Default)]
pub(crate) struct RangeMap {
    /// Sorted, without overlap.
    ranges: Vec<Range>,
}

impl RangeMap {
    /// Where the first range that ends above an address is, or would be.
    fn ending_above(&self, address: u64) -> usize {
        self.ranges.partition_point(|range| range.end <= address)
    }

    /// Where the first range that starts at or above an address is, or would be.
    fn starting_at(&self, address: u64) -> usize {
        self.ranges.partition_point(|range| range.start < address)
    }

    fn copy(&self, py: Python<'_>, index: usize) -> Option<Range> {
        let found = self.ranges.get(index)?;
        Some(found.part(py, found.start, found.end))
    }

    /// Cut `start..end` out; the parts, and where it was.
    fn cut(&mut self, py: Python<'_>, start: u64, end: u64) -> (Vec<Range>, usize) {
        let first = self.ending_above(start);
        let last = self.starting_at(end).max(first);
        let Some(lowest) = self.ranges[first..last].first() else {
            return (Vec::new(), first);
        };
        let before = (lowest.start < start).then(|| lowest.part(py, lowest.start, start));
        let highest = &self.ranges[last - 1];
        let after = (highest.end > end).then(|| highest.part(py, end, highest.end));
        let place = first + usize::from(before.is_some());
        let kept = before.into_iter().chain(after);
        let mut parts: Vec<Range> = self.ranges.splice(first..last, kept).collect();
        for part in &mut parts {
            part.start = part.start.max(start);
            part.end = part.end.min(end);
        }
        (parts, place)
    }
}

// Nothing here drops a value while the map is borrowed: whoever is told of it may use the map.
#[pymethods]
impl RangeMap {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// `RangeMap[T]` is this class again.
    #[classmethod]
    fn __class_getitem__(cls: &Bound<'_, PyType>, _parameters: &Bound<'_, PyAny>) -> Py<PyType> {
        cls.clone().unbind()
    }

    fn __len__(&self) -> usize {
        self.ranges.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all: Vec<Range> = (0..self.ranges.len())
            .filter_map(|index| self.copy(py, index))
            .collect();
        Ok(PyList::new(py, all)?.try_iter()?.into_any())
    }

    fn at(&self, py: Python<'_>, #[pyo3(from_py_with = bound)] address: u64) -> Option<Range> {
        let index = self.ending_above(address);
        let found = self.ranges.get(index)?;
        (found.start <= address).then(|| found.part(py, found.start, found.end))
    }

    fn after(&self, py: Python<'_>, #[pyo3(from_py_with = bound)] address: u64) -> Option<Range> {
        self.copy(py, self.starting_at(address))
    }

    fn before(&self, py: Python<'_>, #[pyo3(from_py_with = bound)] address: u64) -> Option<Range> {
        self.copy(py, self.starting_at(address).checked_sub(1)?)
    }

    fn overlapping(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
    ) -> Vec<Range> {
        let first = self.ending_above(start);
        let last = self.starting_at(end);
        (first..last)
            .filter_map(|index| self.copy(py, index))
            .collect()
    }

    fn covered(
        &self,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
    ) -> bool {
        let mut at = start;
        for found in &self.ranges[self.ending_above(start)..] {
            if at >= end || found.start > at {
                break;
            }
            at = found.end;
        }
        at >= end
    }

    fn clear(
        &mut self,
        py: Python<'_>,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
    ) -> Vec<Range> {
        self.cut(py, start, end).0
    }

    fn set(
        &mut self,
        py: Python<'_>,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
        value: Py<PyAny>,
    ) -> Vec<Range> {
        let (parts, place) = self.cut(py, start, end);
        self.ranges.insert(place, Range { start, end, value });
        parts
    }
}
