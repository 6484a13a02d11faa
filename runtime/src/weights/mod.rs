//! Weights of Autonomy's own pallets in this runtime, measured by `scripts/benchmark`.

pub mod pallet_inference;
