//! `autonomy-worker keys`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;

use super::hex32;
use crate::keys;

/// Keys.
#[derive(clap::Subcommand)]
pub enum Command {
	/// Makes a new key, writes it encrypted with mode 0600 and prints its address. The password comes from
	/// AUTONOMY_KEY_PASSWORD or a file. polkadot.js can import the file, so a copy of it is the backup.
	Generate {
		/// The file to write; it must not exist.
		file: PathBuf,
		/// File of mode 0600 with the password.
		#[arg(long, value_name = "FILE")]
		password_file: Option<PathBuf>,
	},
	/// Shows the address of a keystore and whether its mode is right; with a password, also whether it opens.
	Inspect {
		/// The keystore.
		file: PathBuf,
		/// File of mode 0600 with the password.
		#[arg(long, value_name = "FILE")]
		password_file: Option<PathBuf>,
		/// One JSON object instead of lines.
		#[arg(long)]
		json: bool,
	},
}

/// Runs the command.
pub fn execute(command: Command) -> Result<ExitCode> {
	match command {
		Command::Generate { file, password_file } => {
			let password = keys::password(&file, password_file.as_deref())?;
			println!("{}", keys::generate(&file, &password)?);
		}
		Command::Inspect { file, password_file, json } => {
			keys::check_mode(&file)?;
			let address = keys::address(&file)?;
			let opened = match keys::password(&file, password_file.as_deref()) {
				Ok(password) => {
					keys::open(&file, &password)?;
					true
				}
				Err(keys::KeyError::NoPassword(_)) => false,
				Err(error) => return Err(error.into()),
			};
			let public = hex32(&address.0);
			if json {
				let line = serde_json::json!({ "address": address.to_string(), "public": public, "opened": opened });
				println!("{line}");
			} else {
				println!("{address}");
				println!("public key  {public}");
				println!("mode        0600");
				println!("password    {}", if opened { "opens it" } else { "not given, not tried" });
			}
		}
	}
	Ok(ExitCode::SUCCESS)
}
