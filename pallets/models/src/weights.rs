//! Weights of the calls. A runtime measures its own with `benchmarking`.

use frame_support::weights::Weight;

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// Weight of `register`.
	fn register() -> Weight;
	/// Weight of `set_price`.
	fn set_price() -> Weight;
	/// Weight of `set_active`.
	fn set_active() -> Weight;
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn register() -> Weight {
		Weight::zero()
	}
	fn set_price() -> Weight {
		Weight::zero()
	}
	fn set_active() -> Weight {
		Weight::zero()
	}
}
