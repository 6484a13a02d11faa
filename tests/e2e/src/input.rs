//! Inputs of jobs as call arguments.

use subxt::dynamic::Value;

/// The demo models, in the order of their registration.
pub mod model {
	/// Folder of the model that makes pictures.
	pub const SHAPES: &str = "shapes";
	/// Folder of the model that replies.
	pub const KEEPER: &str = "keeper";
}

fn number(value: u32) -> Value {
	Value::u128(value.into())
}

/// A 64×64 picture in eight steps with guidance 2.5.
pub fn image(prompt: &str) -> Value {
	Value::unnamed_variant(
		"Image",
		[Value::named_composite([
			("prompt", Value::from_bytes(prompt)),
			("negative_prompt", Value::from_bytes([])),
			("width", number(64)),
			("height", number(64)),
			("steps", number(8)),
			("guidance_centi", number(250)),
		])],
	)
}

/// A reply of at most `max_tokens` tokens, always the likeliest one.
pub fn text(prompt: &str, max_tokens: u16) -> Value {
	Value::unnamed_variant(
		"Text",
		[Value::named_composite([
			("prompt", Value::from_bytes(prompt)),
			("max_tokens", number(max_tokens.into())),
			("temperature_centi", number(0)),
			("top_p_permille", number(1000)),
			("top_k", number(0)),
		])],
	)
}

/// A seed of the requester's.
pub fn user_seed(byte: u8) -> Value {
	Value::unnamed_variant("User", [Value::from_bytes([byte; 32])])
}

/// `Some(value)`.
pub fn some(value: Value) -> Value {
	Value::unnamed_variant("Some", [value])
}
