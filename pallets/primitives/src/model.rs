//! What a model offers and costs, as other pallets see it.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{job::Modality, Digest, ModelId};

/// Bounds of one job on a model. A bound that does not apply to the model's modality is 0.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ModelLimits {
	/// Longest prompt, in bytes.
	pub max_prompt_bytes: u16,
	/// Most denoise steps.
	pub max_steps: u16,
	/// Most pixels, width times height.
	pub max_pixels: u32,
	/// Most new tokens.
	pub max_tokens: u16,
}

/// What a job on a model is held to, read once when the job is submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelTerms<AccountId, Balance> {
	/// Whoever is paid for the model: the holder of its NFT. `None` when the NFT is gone.
	pub owner: Option<AccountId>,
	/// The kind of output.
	pub modality: Modality,
	/// Root over the weights' bytes, see [`crate::digest::WeightsRoot`].
	pub weights_root: Digest,
	/// Kernel specification that the model's results are made with.
	pub engine: Digest,
	/// Bounds of one job.
	pub limits: ModelLimits,
	/// Price of one unit of work for one operator, in planck.
	pub price_per_unit: Balance,
	/// Blocks that one job takes an operator of the slowest supported kind.
	pub budget: u32,
	/// Whether new jobs are taken.
	pub active: bool,
}

/// Who may order jobs on a model.
pub trait ModelAccess<AccountId> {
	/// Whether an account may order jobs on a model now. It pays for them besides.
	fn may_use(model: ModelId, who: &AccountId) -> bool;
}

/// Everybody.
impl<AccountId> ModelAccess<AccountId> for () {
	fn may_use(_: ModelId, _: &AccountId) -> bool {
		true
	}
}

/// The one question that the inference pallet asks of the model registry.
pub trait ModelRegistry<AccountId, Balance> {
	/// The terms of a model, or `None` when there is no such model.
	fn terms(model: ModelId) -> Option<ModelTerms<AccountId, Balance>>;
	/// The digest that a worker must reproduce on the model's golden job before it is drawn.
	fn golden_result(model: ModelId) -> Option<Digest>;
	/// Registers a model for a benchmark, with the limits as wide as they go.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model() -> ModelId;
}
