//! The chain's interface, generated from `metadata.scale`.
//!
//! `scripts/metadata` writes that file from the built runtime. Each call, storage entry and runtime API carries a hash of
//! its shape: a chain that changed one of them is refused with a clear error instead of being misread.

#[allow(missing_docs, rustdoc::all, clippy::all)]
#[subxt::subxt(
	runtime_metadata_path = "metadata.scale",
	substitute_type(
		path = "autonomy_primitives::job::JobInput",
		with = "::subxt::utils::Static<::autonomy_primitives::job::JobInput>"
	),
	substitute_type(
		path = "autonomy_primitives::trace::TraceOpening",
		with = "::subxt::utils::Static<::autonomy_primitives::trace::TraceOpening>"
	),
	substitute_type(
		path = "autonomy_primitives::fault::FaultCode",
		with = "::subxt::utils::Static<::autonomy_primitives::fault::FaultCode>"
	),
	substitute_type(
		path = "autonomy_primitives::job::SeedPolicy",
		with = "::subxt::utils::Static<::autonomy_primitives::job::SeedPolicy>"
	),
	substitute_type(
		path = "autonomy_primitives::job::Modality",
		with = "::subxt::utils::Static<::autonomy_primitives::job::Modality>"
	),
	substitute_type(
		path = "autonomy_primitives::model::ModelLimits",
		with = "::subxt::utils::Static<::autonomy_primitives::model::ModelLimits>"
	)
)]
mod generated {}

pub use generated::*;
