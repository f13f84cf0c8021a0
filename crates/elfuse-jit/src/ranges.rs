//! Address ranges with a value each, for Python: `elfuse.engine.ranges` says what they do.
//!
//! A program's start changes its mappings some fifty times, and each change looks at ranges several
//! times.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};

use crate::spans::{Share, Span, Spans};

/// An address, or for sums of what guests ask for, which may be beyond all, the next bound.
fn bound(given: &Bound<'_, PyAny>) -> PyResult<u64> {
    match given.extract() {
        Ok(value) => Ok(value),
        Err(_) if given.lt(0)? => Ok(0),
        Err(_) => Ok(u64::MAX),
    }
}

/// A Python object. (A type of its own: coherence allows no implementation for `Py`.)
struct Object(Py<PyAny>);

impl Share for Object {
    fn share(&self) -> Self {
        Self(Python::attach(|py| self.0.clone_ref(py)))
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

impl From<Span<Object>> for Range {
    fn from(span: Span<Object>) -> Self {
        Self {
            start: span.start,
            end: span.end,
            value: span.value.0,
        }
    }
}

impl From<&Span<Object>> for Range {
    fn from(span: &Span<Object>) -> Self {
        Self {
            start: span.start,
            end: span.end,
            value: span.value.share().0,
        }
    }
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

/// Disjoint ranges in address order.
#[pyclass]
#[derive(Default)]
pub(crate) struct RangeMap {
    spans: Spans<Object>,
}

fn taken(spans: Vec<Span<Object>>) -> Vec<Range> {
    spans.into_iter().map(Range::from).collect()
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
        self.spans.all().len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all: Vec<Range> = self.spans.all().iter().map(Range::from).collect();
        Ok(PyList::new(py, all)?.try_iter()?.into_any())
    }

    fn at(&self, address: &Bound<'_, PyAny>) -> Option<Range> {
        let found = self.spans.at(address.extract().ok()?)?;
        Some(Range::from(found))
    }

    fn after(&self, #[pyo3(from_py_with = bound)] address: u64) -> Option<Range> {
        self.spans.after(address).map(Range::from)
    }

    fn before(&self, #[pyo3(from_py_with = bound)] address: u64) -> Option<Range> {
        self.spans.before(address).map(Range::from)
    }

    fn overlapping(
        &self,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
    ) -> Vec<Range> {
        let found = self.spans.overlapping(start, end);
        found.iter().map(Range::from).collect()
    }

    fn covered(&self, start: &Bound<'_, PyAny>, end: &Bound<'_, PyAny>) -> PyResult<bool> {
        match start.extract() {
            Ok(start) => Ok(self.spans.covered(start, bound(end)?)),
            // In no range; but no address is missing from an empty one.
            Err(_) => start.ge(end),
        }
    }

    fn clear(
        &mut self,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
    ) -> Vec<Range> {
        taken(self.spans.clear(start, end))
    }

    fn set(
        &mut self,
        #[pyo3(from_py_with = bound)] start: u64,
        #[pyo3(from_py_with = bound)] end: u64,
        value: Py<PyAny>,
    ) -> Vec<Range> {
        taken(self.spans.set(start, end, Object(value)))
    }
}
