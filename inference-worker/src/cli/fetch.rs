//! `autonomy-worker fetch`: a stored file from wherever it is.

use std::{
	io::{Cursor, Write},
	path::{Path, PathBuf},
	process::ExitCode,
};

use anyhow::{bail, Context, Result};
use autonomy_artifacts::check_url;
use autonomy_engine::{
	digest::{cid_text, parse_cid},
	BallotRecord,
};
use image::ImageFormat;
use serde_json::json;

use crate::{
	artifacts::{self, find, Cid, Found, Limits, Peers},
	ballot,
	config::{ArtifactsConfig, Config},
};

/// Arguments of `fetch`.
#[derive(clap::Args)]
pub struct Args {
	/// The file's CID, as `show` and `submit --wait` print it.
	cid: String,
	/// Address of an operator's server, such as http://127.0.0.1:9620, instead of the configuration's places. May be given
	/// several times; they are asked in this order.
	#[arg(long, value_name = "URL")]
	from: Vec<String>,
	/// Write the file here; `-` is standard output.
	#[arg(long, value_name = "FILE")]
	out: Option<PathBuf>,
	/// The worker's configuration; without it the defaults and the environment count.
	#[arg(long, value_name = "FILE")]
	config: Option<PathBuf>,
	/// One JSON object instead of lines.
	#[arg(long)]
	json: bool,
}

/// Runs the command.
pub async fn execute(args: Args) -> Result<ExitCode> {
	let cid = parse_cid(&args.cid).with_context(|| {
		format!("'{}' is not the CID of a stored file: version 1, raw, SHA-256, beginning with bafkrei", args.cid)
	})?;
	let found = look(&args, cid).await?;
	for failure in found.failures.iter().filter(|f| f.error.is_some()) {
		eprintln!("warning: {failure}");
	}
	let bytes = &found.bytes;
	let kind = Kind::of(bytes);
	let to_stdout = args.out.as_deref() == Some(Path::new("-"));
	match &args.out {
		Some(_) if to_stdout => std::io::stdout().write_all(bytes).context("cannot write to standard output")?,
		Some(out) => std::fs::write(out, bytes).with_context(|| format!("cannot write {}", out.display()))?,
		None => {}
	}
	let line = match args.json {
		true => {
			let out = args.out.as_ref().map(|out| out.display().to_string());
			json!({
				"cid": cid_text(&cid), "bytes": bytes.len(), "kind": kind.to_string(), "from": found.place, "out": out,
			})
			.to_string()
		}
		false => format!("{}: {} bytes, {kind}, from {}", cid_text(&cid), bytes.len(), found.place),
	};
	if to_stdout {
		eprintln!("{line}");
		return Ok(ExitCode::SUCCESS);
	}
	println!("{line}");
	match (&args.out, kind) {
		(Some(out), _) if !args.json => println!("written to {}", out.display()),
		(None, Kind::Text(text)) if !args.json => println!("{text}"),
		(None, Kind::Ballot(record)) if !args.json => {
			ballot::lines(&record).into_iter().for_each(|line| println!("{line}"));
		}
		_ => {}
	}
	Ok(ExitCode::SUCCESS)
}

/// Asks the servers of the command line, or else every place of the configuration.
async fn look(args: &Args, cid: Cid) -> Result<Found> {
	if !args.from.is_empty() {
		if let Some(why) = args.from.iter().find_map(|address| check_url(address).err()) {
			bail!("--from: {why}");
		}
		return Ok(find(Peers::new(&args.from, Limits::default())?.sources(), cid).await?);
	}
	let config = match &args.config {
		Some(file) => Config::load(file)?,
		None => Config::from_env()?,
	};
	let found = artifacts::reader(&config)?.find(cid).await;
	let ArtifactsConfig { peers, s3, ipfs, .. } = &config.artifacts;
	match found {
		Err(nowhere) if peers.is_empty() && s3.is_none() && ipfs.gateways.is_empty() => {
			bail!("{nowhere}; no other place is known: give --from URL, or set artifacts.peers")
		}
		found => Ok(found?),
	}
}

/// What a file is, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind<'a> {
	Picture { width: u32, height: u32 },
	Animation { width: u32, height: u32 },
	Text(&'a str),
	Ballot(Box<BallotRecord>),
	Data,
}

impl<'a> Kind<'a> {
	fn of(bytes: &'a [u8]) -> Self {
		let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok();
		let format = reader.as_ref().and_then(|reader| reader.format());
		if let Some((width, height)) = reader.and_then(|reader| reader.into_dimensions().ok()) {
			return match format {
				Some(ImageFormat::Gif) => Self::Animation { width, height },
				_ => Self::Picture { width, height },
			};
		}
		if let Some(record) = BallotRecord::from_json(bytes) {
			return Self::Ballot(Box::new(record));
		}
		// A text that would steer the terminal is not shown.
		match std::str::from_utf8(bytes) {
			Ok(text) if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') => Self::Text(text),
			_ => Self::Data,
		}
	}
}

impl std::fmt::Display for Kind<'_> {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self {
			Self::Picture { width, height } => write!(f, "a picture of {width} × {height} pixels"),
			Self::Animation { width, height } => write!(f, "an animation of {width} × {height} pixels"),
			Self::Text(_) => f.write_str("a text"),
			Self::Ballot(_) => f.write_str("a ballot"),
			Self::Data => f.write_str("data"),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_engine::digest::Animation;

	#[test]
	fn kind_should_be_a_text_only_when_a_terminal_can_show_it() {
		assert_eq!(Kind::of("a reply\n\twith ümläuts".as_bytes()), Kind::Text("a reply\n\twith ümläuts"));
		assert_eq!(Kind::of(b"\x1b]0;steered\x07"), Kind::Data);
		assert_eq!(Kind::of(b"\xff\xfe"), Kind::Data);
		let record = crate::ballot::tests::record();
		assert_eq!(Kind::of(&record.to_json()), Kind::Ballot(Box::new(record.clone())));
		assert_eq!(Kind::of(&record.to_json()).to_string(), "a ballot");
		let mut png = Cursor::new(Vec::new());
		image::RgbImage::new(3, 2).write_to(&mut png, ImageFormat::Png).unwrap();
		assert_eq!(Kind::of(&png.into_inner()), Kind::Picture { width: 3, height: 2 });
		let animation = Animation { width: 3, height: 2, frames_per_second: 8, frames: vec![vec![7; 18]; 2] };
		let gif = animation.to_gif();
		assert_eq!(Kind::of(&gif), Kind::Animation { width: 3, height: 2 });
		assert_eq!(Kind::of(&gif).to_string(), "an animation of 3 × 2 pixels");
	}
}
