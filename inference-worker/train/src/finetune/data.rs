//! Data of creators: a folder of pictures with captions, or a file of text.

use super::evaluation::TextSample;
use anyhow::{bail, Context, Result};
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Component, Path, PathBuf};

/// Endings of picture files.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// Captions in the form of Hugging Face's image folders.
const METADATA: &str = "metadata.jsonl";

/// Most bytes of a picture's file.
const MOST_FILE: u64 = 512 << 20;
/// Most bytes of a file of text.
const MOST_TEXT: u64 = 1 << 30;
/// Most pixels of a picture.
const MOST_PIXELS: u64 = 1 << 27;
/// Bytes of pixels that any file may ask for.
const FREE_BYTES: u64 = 64 << 20;
/// Bytes of pixels for each byte of a file, beyond those. An even picture takes a thousandth of its pixels as PNG or JPEG, so
/// that a file which asks for more says what it has not.
const MOST_RATIO: u64 = 4096;

/// A picture file and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captioned {
	/// Path below the data folder, with `/`.
	pub name: String,
	/// What it shows.
	pub caption: String,
}

/// A line of [`METADATA`]. Other fields are left alone.
#[derive(Deserialize)]
struct Metadata {
	file_name: String,
	text: String,
}

/// The pictures of a folder in the order of their names. A caption is in `metadata.jsonl`, or in the file `NAME.txt` beside
/// `NAME.png`.
///
/// # Errors
/// If the folder has no picture, or a picture no caption. Every message names the file.
pub fn list_pictures(folder: &Path) -> Result<Vec<Captioned>> {
	if !folder.is_dir() {
		bail!("{} is not a folder: a picture model is trained on a folder of pictures", folder.display());
	}
	let mut captions = metadata(folder)?;
	let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
	for entry in entries {
		let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
		let name = path.file_name().and_then(|name| name.to_str());
		if !is_picture(&path) || !path.is_file() || name.is_some_and(|name| name.starts_with('.')) {
			continue;
		}
		let name = name.with_context(|| format!("{}: the file's name is not UTF-8", path.display()))?;
		if !captions.contains_key(name) {
			captions.insert(name.to_owned(), caption_beside(&path)?);
		}
	}
	if captions.is_empty() {
		bail!("{} has no pictures; {} are taken", folder.display(), PICTURES.join(", "));
	}
	Ok(captions.into_iter().map(|(name, caption)| Captioned { name, caption }).collect())
}

fn is_picture(path: &Path) -> bool {
	let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
	ending.is_some_and(|ending| PICTURES.contains(&ending.as_str()))
}

fn caption_beside(picture: &Path) -> Result<String> {
	let path = picture.with_extension("txt");
	if !path.exists() {
		bail!("{} has no caption: write one into {}, or into {METADATA}", picture.display(), path.display());
	}
	let caption = read_text(&path)?.trim().to_owned();
	if caption.is_empty() {
		bail!("{} is empty: it must say what {} shows", path.display(), picture.display());
	}
	Ok(caption)
}

fn metadata(folder: &Path) -> Result<BTreeMap<String, String>> {
	let (path, mut captions) = (folder.join(METADATA), BTreeMap::new());
	if !path.exists() {
		return Ok(captions);
	}
	for (number, line) in lines(&read_text(&path)?) {
		let place = || format!("{}, line {number}", path.display());
		let Metadata { file_name, text } = serde_json::from_str(line).with_context(place)?;
		let inside = Path::new(&file_name).components().all(|part| matches!(part, Component::Normal(_)));
		if !inside || !is_picture(Path::new(&file_name)) {
			bail!("{}: {file_name:?} is not a picture below the folder", place());
		}
		if !folder.join(&file_name).is_file() {
			bail!("{}: there is no file {file_name}", place());
		}
		let text = text.trim();
		if text.is_empty() {
			bail!("{}: the text of {file_name} is empty", place());
		}
		if captions.insert(file_name.clone(), text.to_owned()).is_some() {
			bail!("{}: {file_name} has a caption already", place());
		}
	}
	Ok(captions)
}

/// The lines that are not blank, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
	(1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

/// The bytes of a file, which is refused when it has more than `most`.
fn read_within(path: &Path, most: u64) -> Result<Vec<u8>> {
	let mut bytes = Vec::new();
	let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
	read.with_context(|| format!("cannot read {}", path.display()))?;
	if bytes.len() as u64 > most {
		bail!("{} has more than {} MiB, which is the most that is taken", path.display(), most >> 20);
	}
	Ok(bytes)
}

fn read_text(path: &Path) -> Result<String> {
	let bytes = read_within(path, MOST_TEXT)?;
	String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text", path.display()))
}

/// A picture as a model is trained on it, and what it came from.
pub struct Prepared {
	/// The square.
	pub picture: RgbImage,
	/// Digest of caption and file: it decides which samples are held out.
	pub key: [u8; 32],
	/// Digest of everything that the training sees of the sample.
	pub digest: [u8; 32],
}

/// Reads a picture, turns it as its camera says, lays it on white where it is transparent, cuts the largest square out of its
/// middle and scales that to `size` pixels with a triangle filter, which is additions and products alone.
///
/// # Errors
/// If the file cannot be read or is no picture. The message names it.
pub fn prepare(folder: &Path, sample: &Captioned, size: u32) -> Result<Prepared> {
	let path = folder.join(&sample.name);
	let bytes = read_within(&path, MOST_FILE)?;
	let flat = read_picture(&bytes).with_context(|| format!("{} cannot be read as a picture", path.display()))?;
	let (width, height) = flat.dimensions();
	let side = width.min(height);
	let square = imageops::crop_imm(&flat, (width - side) / 2, (height - side) / 2, side, side).to_image();
	let picture = imageops::resize(&square, size, size, FilterType::Triangle);
	let file = Sha256::digest(&bytes);
	let key: [u8; 32] =
		Sha256::new().chain_update(&sample.caption).chain_update([0u8]).chain_update(file).finalize().into();
	let digest = Sha256::new()
		.chain_update(&sample.name)
		.chain_update([0u8])
		.chain_update(key)
		.chain_update(size.to_le_bytes())
		.chain_update(picture.as_raw())
		.finalize()
		.into();
	Ok(Prepared { picture, key, digest })
}

/// The picture in a PNG, JPEG or WebP file, turned as its camera says and laid on white where it is transparent.
///
/// # Errors
/// If it is no such file, or asks for more memory than a file of its length can have pixels for.
pub fn read_picture(bytes: &[u8]) -> Result<RgbImage> {
	decode(bytes).map(on_white)
}

/// The picture in a file, turned as its camera says.
pub(super) fn decode(bytes: &[u8]) -> Result<DynamicImage> {
	let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
	match reader.format() {
		Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) => {}
		Some(other) => bail!("it is {other:?}; PNG, JPEG and WebP are taken"),
		None => bail!("it is no picture of a known kind; PNG, JPEG and WebP are taken"),
	}
	let mut decoder = reader.into_decoder()?;
	let (width, height) = decoder.dimensions();
	let pixels = u64::from(width) * u64::from(height);
	if pixels == 0 || pixels > MOST_PIXELS {
		bail!("it says that it has {width}x{height} pixels, 1 to {MOST_PIXELS} are taken");
	}
	let (size, most) = (decoder.total_bytes(), FREE_BYTES.max((bytes.len() as u64).saturating_mul(MOST_RATIO)));
	if size > most {
		let file = bytes.len();
		bail!(
			"it says that it has {width}x{height} pixels, which take {size} bytes; a file of {file} has at most {most}"
		);
	}
	let orientation = decoder.orientation()?;
	let mut picture = DynamicImage::from_decoder(decoder)?;
	picture.apply_orientation(orientation);
	Ok(picture)
}

fn on_white(picture: DynamicImage) -> RgbImage {
	if !picture.color().has_alpha() {
		return picture.into_rgb8();
	}
	let picture = picture.into_rgba8();
	RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
		let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u32::from);
		Rgb([red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
	})
}

/// An exchange and the digest that decides whether it is held out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
	/// File and line, or number of the passage, for messages.
	pub place: String,
	/// What is said and the reply.
	pub sample: TextSample,
	/// Digest of both.
	pub key: [u8; 32],
}

impl Exchange {
	fn new(place: String, prompt: &str, reply: &str) -> Self {
		let key = Sha256::new().chain_update(prompt).chain_update([0u8]).chain_update(reply).finalize().into();
		Self { place, sample: TextSample { prompt: prompt.to_owned(), reply: reply.to_owned() }, key }
	}
}

/// The exchanges of a text: the lines `{"prompt", "reply"}` of a `.jsonl` file; of any other file its passages of at most
/// `passage` bytes, each as the reply to the one before it.
///
/// # Errors
/// If a line is no exchange, or the text has fewer than two passages. Every message names the file and the line.
pub fn read_exchanges(path: &Path, passage: usize) -> Result<Vec<Exchange>> {
	if path.is_dir() {
		bail!("{} is a folder: a text model is trained on one file, .txt or .jsonl", path.display());
	}
	let text = read_text(path)?;
	if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl")) {
		let mut exchanges = Vec::new();
		for (number, line) in lines(&text) {
			let place = format!("{}, line {number}", path.display());
			let TextSample { prompt, reply } = serde_json::from_str(line).with_context(|| place.clone())?;
			if prompt.trim().is_empty() || reply.trim().is_empty() {
				bail!("{place}: prompt and reply must say something");
			}
			exchanges.push(Exchange::new(place, prompt.trim(), reply.trim()));
		}
		if exchanges.is_empty() {
			bail!("{} has no exchanges", path.display());
		}
		return Ok(exchanges);
	}
	let passages = passages(&text, passage);
	if passages.len() < 2 {
		bail!("{} has {} passages, at least 2 are needed", path.display(), passages.len());
	}
	let pair = |(number, pair): (usize, &[String])| {
		Exchange::new(format!("{}, passage {number}", path.display()), &pair[0], &pair[1])
	};
	Ok((2..).zip(passages.windows(2)).map(pair).collect())
}

/// Paragraphs, cut where they are longer than `most` bytes. Line breaks within a paragraph become spaces.
fn passages(text: &str, most: usize) -> Vec<String> {
	let mut paragraphs = vec![String::new()];
	for line in text.lines() {
		let last = paragraphs.len() - 1;
		if line.trim().is_empty() {
			if !paragraphs[last].is_empty() {
				paragraphs.push(String::new());
			}
			continue;
		}
		for word in line.split_whitespace() {
			if !paragraphs[last].is_empty() {
				paragraphs[last].push(' ');
			}
			paragraphs[last].push_str(word);
		}
	}
	let mut passages = Vec::new();
	for paragraph in paragraphs {
		let mut rest = paragraph.as_str();
		while rest.len() > most {
			let (head, tail) = rest.split_at(cut(rest, most));
			passages.push(head.trim_end().to_owned());
			rest = tail.trim_start();
		}
		if !rest.is_empty() {
			passages.push(rest.to_owned());
		}
	}
	passages
}

/// Where a text that is longer than `most` bytes is cut: after a sentence, or else at a space, or else anywhere.
fn cut(text: &str, most: usize) -> usize {
	let end = (1..=most).rev().find(|at| text.is_char_boundary(*at));
	let end = end.unwrap_or_else(|| text.chars().next().map_or(0, char::len_utf8));
	let head = &text[..end];
	let mut sentences = head.rmatch_indices(['.', '!', '?', '…']).map(|(at, mark)| at + mark.len());
	let sentence = sentences.find(|at| text[*at..].starts_with(' '));
	sentence.or_else(|| head.rfind(' ')).filter(|at| *at > 0).unwrap_or(end)
}

/// Divides samples into those to train on and those held out, as positions in order. Which ones are held out depends on the
/// samples alone.
///
/// # Errors
/// If the percentage is out of range, or there are too few samples.
pub fn split(keys: &[[u8; 32]], percent: usize) -> Result<(Vec<usize>, Vec<usize>)> {
	if !(1..=90).contains(&percent) {
		bail!("{percent} percent held out: it must be 1 to 90");
	}
	if keys.len() < 2 {
		bail!("{} sample: at least 2 are needed, one to train on and one that is held out", keys.len());
	}
	let count = (keys.len() * percent / 100).max(1);
	let mut order: Vec<_> = keys
		.iter()
		.enumerate()
		.map(|(i, key)| (<[u8; 32]>::from(Sha256::new().chain_update("hold-out").chain_update(key).finalize()), i))
		.collect();
	order.sort();
	let mut held_out: Vec<usize> = order[..count].iter().map(|(_, i)| *i).collect();
	let mut trained: Vec<usize> = order[count..].iter().map(|(_, i)| *i).collect();
	held_out.sort_unstable();
	trained.sort_unstable();
	Ok((trained, held_out))
}

/// Digest of a whole set of samples, hexadecimal.
pub(super) fn digest<'d>(samples: impl Iterator<Item = &'d [u8; 32]>) -> String {
	let mut hash = Sha256::new();
	for sample in samples {
		hash.update(sample);
	}
	hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The path in its absolute form, for comparisons; a path that does not exist stands as it is.
pub(super) fn absolute(path: &Path) -> PathBuf {
	path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::fs;

	fn picture(folder: &Path, name: &str, width: u32, height: u32) {
		let picture = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 90]));
		fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
		picture.save(folder.join(name)).unwrap();
	}

	fn complaint<T>(result: Result<T>) -> String {
		match result {
			Ok(_) => panic!("it was accepted"),
			Err(error) => format!("{error:#}"),
		}
	}

	#[test]
	fn captions_should_come_from_metadata_and_from_files_beside() {
		let dir = tempfile::tempdir().unwrap();
		let folder = dir.path();
		for name in ["b.png", "a.jpg", "more/c.webp"] {
			picture(folder, name, 8, 8);
		}
		fs::write(folder.join("a.txt"), " a hill \n").unwrap();
		fs::write(folder.join("notes.txt"), "no caption").unwrap();
		let lines = "{\"file_name\": \"b.png\", \"text\": \"a boat\", \"year\": 1}\n\n\
			{\"file_name\": \"more/c.webp\", \"text\": \"a cloud\"}\n";
		fs::write(folder.join(METADATA), lines).unwrap();
		let found = list_pictures(folder).unwrap();
		let found: Vec<_> = found.iter().map(|sample| (sample.name.as_str(), sample.caption.as_str())).collect();
		assert_eq!(found, [("a.jpg", "a hill"), ("b.png", "a boat"), ("more/c.webp", "a cloud")]);
		for sample in list_pictures(folder).unwrap() {
			assert_eq!(prepare(folder, &sample, 4).unwrap().picture.dimensions(), (4, 4), "{}", sample.name);
		}
	}

	#[test]
	fn bad_data_should_be_refused_with_the_name_of_the_file() {
		let dir = tempfile::tempdir().unwrap();
		let folder = dir.path();
		assert!(complaint(list_pictures(&folder.join("nowhere"))).contains("nowhere"));
		assert!(complaint(list_pictures(folder)).contains("no pictures"));
		picture(folder, "a.png", 8, 8);
		assert!(complaint(list_pictures(folder)).contains("a.txt"));
		fs::write(folder.join("a.txt"), "  \n").unwrap();
		assert!(complaint(list_pictures(folder)).contains("a.txt is empty"));
		fs::write(folder.join("a.txt"), [0xff, 0xfe]).unwrap();
		assert!(complaint(list_pictures(folder)).contains("a.txt is not UTF-8"));
		for (line, word) in [
			("{", "line 1"),
			("{\"file_name\": \"a.png\"}", "text"),
			("{\"file_name\": \"z.png\", \"text\": \"x\"}", "no file z.png"),
			("{\"file_name\": \"../a.png\", \"text\": \"x\"}", "../a.png"),
			("{\"file_name\": \"a.png\", \"text\": \" \"}", "text of a.png is empty"),
			("{\"file_name\": \"a.png\", \"text\": \"x\"}\n{\"file_name\": \"a.png\", \"text\": \"y\"}", "line 2"),
		] {
			fs::write(folder.join(METADATA), line).unwrap();
			let complaint = complaint(list_pictures(folder));
			assert!(complaint.contains(METADATA) && complaint.contains(word), "{complaint}");
		}
		fs::write(folder.join("b.png"), b"no picture").unwrap();
		let sample = Captioned { name: "b.png".into(), caption: "x".into() };
		assert!(complaint(prepare(folder, &sample, 8)).contains("b.png"));
	}

	#[test]
	fn picture_should_be_refused_when_it_says_that_it_is_larger_than_its_file_can_be() {
		let dir = tempfile::tempdir().unwrap();
		picture(dir.path(), "a.png", 8, 8);
		let path = dir.path().join("a.png");
		let whole = fs::read(&path).unwrap();
		let sample = Captioned { name: "a.png".into(), caption: "x".into() };
		for (side, word) in [(20_000u32, "1 to 134217728 are taken"), (10_000, "which take 300000000 bytes")] {
			let mut claim = whole.clone();
			claim[16..20].copy_from_slice(&side.to_be_bytes());
			claim[20..24].copy_from_slice(&side.to_be_bytes());
			let sum = crc32(&claim[12..29]);
			claim[29..33].copy_from_slice(&sum.to_be_bytes());
			fs::write(&path, claim).unwrap();
			let complaint = complaint(prepare(dir.path(), &sample, 8));
			assert!(complaint.contains("a.png") && complaint.contains(word), "{complaint}");
		}
		for cut in [0, 8, 20, 33, 41] {
			fs::write(&path, &whole[..cut]).unwrap();
			assert!(complaint(prepare(dir.path(), &sample, 8)).contains("a.png"), "{cut}");
		}
	}

	/// The checksum of a PNG chunk (ISO 3309).
	fn crc32(bytes: &[u8]) -> u32 {
		!bytes.iter().fold(!0, |sum: u32, byte| {
			(0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
		})
	}

	#[test]
	fn picture_should_be_cut_square_and_laid_on_white() {
		let dir = tempfile::tempdir().unwrap();
		let wide = RgbImage::from_fn(12, 4, |x, _| if (4..8).contains(&x) { Rgb([10, 20, 30]) } else { Rgb([255; 3]) });
		wide.save(dir.path().join("wide.png")).unwrap();
		let clear = image::RgbaImage::from_pixel(4, 4, image::Rgba([0, 0, 0, 51]));
		clear.save(dir.path().join("clear.png")).unwrap();
		let read = |name: &str| {
			let sample = Captioned { name: name.into(), caption: "x".into() };
			prepare(dir.path(), &sample, 2).unwrap()
		};
		assert!(read("wide.png").picture.pixels().all(|pixel| pixel.0 == [10, 20, 30]));
		assert!(read("clear.png").picture.pixels().all(|pixel| pixel.0 == [204; 3]));
		assert_ne!(read("wide.png").digest, read("clear.png").digest);
		assert_eq!(read("wide.png").digest, read("wide.png").digest);
	}

	#[test]
	fn exchanges_should_be_read_from_lines() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("talk.jsonl");
		let lines = "{\"prompt\": \"Hi\", \"reply\": \" Hello. \"}\n\n{\"prompt\": \"Bye\", \"reply\": \"Farewell\"}";
		fs::write(&path, lines).unwrap();
		let found = read_exchanges(&path, 10).unwrap();
		assert_eq!(found[0].sample, TextSample { prompt: "Hi".into(), reply: "Hello.".into() });
		assert!(found[1].place.ends_with("talk.jsonl, line 3"), "{}", found[1].place);
		for (line, word) in
			[("nonsense", "line 1"), ("{\"prompt\": \"a\", \"reply\": \"\"}", "line 1"), ("", "no exchanges")]
		{
			fs::write(&path, line).unwrap();
			let complaint = complaint(read_exchanges(&path, 10));
			assert!(complaint.contains("talk.jsonl") && complaint.contains(word), "{complaint}");
		}
		assert!(complaint(read_exchanges(dir.path(), 10)).contains("is a folder"));
		fs::write(&path, [0xff]).unwrap();
		assert!(complaint(read_exchanges(&path, 10)).contains("not UTF-8"));
	}

	#[test]
	fn text_should_be_cut_into_passages_at_sentences() {
		let text = "One two. Three\nfour five six.\r\n \n\nSeven.\n";
		assert_eq!(passages(text, 100), ["One two. Three four five six.", "Seven."]);
		assert_eq!(passages(text, 12), ["One two.", "Three four", "five six.", "Seven."]);
		assert_eq!(passages("äääää", 3), ["ä"; 5]);
		assert!(passages(" \n\n", 10).is_empty());
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("book.txt");
		fs::write(&path, text).unwrap();
		let found = read_exchanges(&path, 100).unwrap();
		assert_eq!(found.len(), 1);
		assert_eq!(found[0].sample.reply, "Seven.");
		fs::write(&path, "Only one.").unwrap();
		assert!(complaint(read_exchanges(&path, 100)).contains("1 passages"));
	}

	#[test]
	fn split_should_hold_out_at_least_one_and_depend_on_the_samples_alone() {
		let keys: Vec<[u8; 32]> = (0..20).map(|i| [i; 32]).collect();
		let (trained, held_out) = split(&keys, 10).unwrap();
		assert_eq!((trained.len(), held_out.len()), (18, 2));
		let mut reversed = keys.clone();
		reversed.reverse();
		let again: Vec<_> = split(&reversed, 10).unwrap().1.iter().rev().map(|i| 19 - i).collect();
		assert_eq!(again, held_out);
		assert_eq!(split(&keys[..3], 1).unwrap().1.len(), 1);
		assert!(complaint(split(&keys[..1], 10)).contains("at least 2"));
		assert!(complaint(split(&keys, 0)).contains("1 to 90"));
	}
}
