//! An operator.
