//! Evaluation sets: what an evaluation job measures two versions of a model on.

use super::data::decode;
use anyhow::{bail, Context, Result};
use autonomy_engine::digest::Image;
use autonomy_engine::evaluation::MAX_SET_BYTES;
use autonomy_primitives::job::MAX_SAMPLES;
use image::{ImageFormat, RgbImage};
use serde::{Deserialize, Serialize};

/// Version of the layout.
const SCHEMA: u32 = 1;

/// A picture and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureSample {
	/// What it shows.
	pub caption: String,
	/// A PNG file, RGB with 8 bits per channel.
	#[serde(with = "base64_text")]
	pub png: Vec<u8>,
}

impl PictureSample {
	/// The sample of a picture.
	pub fn new(caption: &str, picture: &RgbImage) -> Self {
		let (width, height) = picture.dimensions();
		let png = Image { width, height, rgb: picture.as_raw().clone() }.to_png();
		Self { caption: caption.to_owned(), png }
	}
}

/// Something that is said, and the reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSample {
	/// What is said.
	pub prompt: String,
	/// The reply.
	pub reply: String,
}

/// The held-out samples that versions of a model are compared on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluationSet {
	/// Of a picture model.
	Image(Vec<PictureSample>),
	/// Of a text model.
	Text(Vec<TextSample>),
}

/// The file: `{"schema":1,"model":"image","samples":[..]}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<Samples> {
	schema: u32,
	model: Model,
	samples: Samples,
}

/// What is read first.
#[derive(Deserialize)]
struct Head {
	schema: u32,
	model: Model,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Model {
	Image,
	Text,
}

impl EvaluationSet {
	/// Number of samples.
	pub fn samples(&self) -> usize {
		match self {
			Self::Image(samples) => samples.len(),
			Self::Text(samples) => samples.len(),
		}
	}

	/// The bytes of the file: the same set always gives the same.
	///
	/// # Errors
	/// If the set is empty or has more samples than an evaluation takes.
	pub fn to_json(&self) -> Result<Vec<u8>> {
		self.check()?;
		Ok(match self {
			Self::Image(samples) => serde_json::to_vec(&File { schema: SCHEMA, model: Model::Image, samples })?,
			Self::Text(samples) => serde_json::to_vec(&File { schema: SCHEMA, model: Model::Text, samples })?,
		})
	}

	/// Reads a file's bytes.
	///
	/// # Errors
	/// If they are no evaluation set. The message names the sample.
	pub fn from_json(bytes: &[u8]) -> Result<Self> {
		let size = bytes.len() as u64;
		if size > MAX_SET_BYTES {
			bail!("an evaluation set of {size} bytes; it has at most {MAX_SET_BYTES}");
		}
		let head: Head = serde_json::from_slice(bytes).context("this is no evaluation set")?;
		if head.schema != SCHEMA {
			bail!("the evaluation set has schema {}, this build reads schema {SCHEMA}", head.schema);
		}
		let set = match head.model {
			Model::Image => Self::Image(serde_json::from_slice::<File<_>>(bytes)?.samples),
			Model::Text => Self::Text(serde_json::from_slice::<File<_>>(bytes)?.samples),
		};
		set.check()?;
		Ok(set)
	}

	fn check(&self) -> Result<()> {
		let (samples, most) = (self.samples(), usize::from(MAX_SAMPLES));
		if samples == 0 || samples > most {
			bail!("an evaluation set of {samples} samples; it has 1 to {most}");
		}
		match self {
			Self::Image(samples) => {
				for (i, sample) in samples.iter().enumerate() {
					let format = image::guess_format(&sample.png).ok();
					if format != Some(ImageFormat::Png) {
						bail!("sample {i}: the picture is no PNG file");
					}
					let picture =
						decode(&sample.png).with_context(|| format!("sample {i}: the picture cannot be read"))?;
					if picture.color() != image::ColorType::Rgb8 {
						bail!("sample {i}: the picture is {:?}, it must be Rgb8", picture.color());
					}
				}
			}
			Self::Text(samples) => {
				if let Some(i) = samples.iter().position(|sample| sample.reply.is_empty()) {
					bail!("sample {i} has an empty reply");
				}
			}
		}
		Ok(())
	}
}

/// Bytes as standard base64 with padding.
mod base64_text {
	use base64::{engine::general_purpose::STANDARD, Engine};
	use serde::{de::Error, Deserialize, Deserializer, Serializer};

	pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&STANDARD.encode(bytes))
	}

	pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
		let text = String::deserialize(deserializer)?;
		STANDARD.decode(text).map_err(|error| D::Error::custom(format!("this is not base64: {error}")))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use image::Rgb;

	#[test]
	fn set_should_come_back_when_it_was_written() {
		let picture = RgbImage::from_fn(8, 8, |x, y| Rgb([x as u8 * 30, y as u8 * 30, 7]));
		let pictures = EvaluationSet::Image(vec![PictureSample::new("a \"red\" ball", &picture)]);
		let replies = EvaluationSet::Text(vec![TextSample {
			prompt: "Who are you?".into(),
			reply: "Luma, at your service.".into(),
		}]);
		for set in [pictures, replies] {
			let bytes = set.to_json().unwrap();
			assert_eq!(EvaluationSet::from_json(&bytes).unwrap(), set);
			assert_eq!(EvaluationSet::from_json(&bytes).unwrap().to_json().unwrap(), bytes);
		}
	}

	#[test]
	fn file_should_have_the_agreed_layout() {
		let set = EvaluationSet::Text(vec![TextSample { prompt: "a".into(), reply: "b".into() }]);
		let text = String::from_utf8(set.to_json().unwrap()).unwrap();
		assert_eq!(text, r#"{"schema":1,"model":"text","samples":[{"prompt":"a","reply":"b"}]}"#);
		let set = EvaluationSet::Image(vec![PictureSample::new("a", &RgbImage::new(1, 1))]);
		let text = String::from_utf8(set.to_json().unwrap()).unwrap();
		assert!(text.starts_with(r#"{"schema":1,"model":"image","samples":[{"caption":"a","png":"iVBOR"#), "{text}");
	}

	#[test]
	fn file_should_be_refused_with_the_reason_when_it_is_no_set() {
		let refuse = |text: &str, word: &str| {
			let error = EvaluationSet::from_json(text.as_bytes()).unwrap_err();
			assert!(format!("{error:#}").contains(word), "{error:#}");
		};
		refuse("[]", "no evaluation set");
		refuse(r#"{"schema":2,"model":"text","samples":[]}"#, "schema 2");
		refuse(r#"{"schema":1,"model":"text","samples":[]}"#, "0 samples");
		refuse(r#"{"schema":1,"model":"sound","samples":[]}"#, "sound");
		refuse(r#"{"schema":1,"model":"text","samples":[{"prompt":"a","reply":""}]}"#, "sample 0");
		refuse(r#"{"schema":1,"model":"image","samples":[{"caption":"a","png":"%"}]}"#, "base64");
		refuse(r#"{"schema":1,"model":"image","samples":[{"caption":"a","png":"AAAA"}]}"#, "sample 0");
		refuse(r#"{"schema":1,"model":"text","samples":[{"prompt":"a","reply":"b","x":1}]}"#, "x");
	}
}
