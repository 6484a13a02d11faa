//! What goes wrong around a worker is said in one clear line, and the exit status is not 0.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

use anyhow::Result;
use autonomy_e2e::{
	free_port,
	worker::{autonomy_worker, said},
};

/// The one line of an error, after which nothing else is said.
fn complaint(output: &Output) -> String {
	let text = said(output);
	assert!(!output.status.success(), "this should have failed: {text}");
	assert!(!text.contains("panicked"), "{text}");
	text
}

fn configuration(dir: &Path, url: &str) -> Result<String> {
	let text = format!(
		"data_dir = \"data\"\n[chain]\nurls = [\"{url}\"]\nconnect_timeout_seconds = 2\n[keys]\nfile = \"key.json\"\n\
		[server]\nlisten = \"\"\n"
	);
	let file = dir.join("worker.toml");
	fs::write(&file, text)?;
	Ok(file.to_string_lossy().into_owned())
}

fn generate_key(dir: &Path) -> Result<()> {
	let file = dir.join("key.json");
	let output = autonomy_worker(["keys", "generate", &file.to_string_lossy()])?;
	assert!(output.status.success(), "{}", said(&output));
	assert!(said(&output).starts_with('5'), "keys generate prints the address: {}", said(&output));
	Ok(())
}

#[test]
fn worker_should_name_the_node_when_it_is_not_there() -> Result<()> {
	let dir = tempfile::tempdir()?;
	let url = format!("ws://127.0.0.1:{}", free_port()?);
	let config = configuration(dir.path(), &url)?;
	generate_key(dir.path())?;
	for arguments in [
		vec!["run", "--config", &config, "--startup-timeout", "3"],
		vec!["check", "--config", &config],
		vec!["verify", "0", "--url", &url],
		vec!["submit", "text", "--model", "0", "--prompt", "hi", "--dev", "bob", "--url", &url],
	] {
		let text = complaint(&autonomy_worker(&arguments)?);
		assert!(text.contains(&url[5..]), "{arguments:?} names the address: {text}");
	}
	Ok(())
}

#[test]
fn worker_should_refuse_its_key_when_others_can_read_the_file() -> Result<()> {
	let dir = tempfile::tempdir()?;
	let url = format!("ws://127.0.0.1:{}", free_port()?);
	let config = configuration(dir.path(), &url)?;
	generate_key(dir.path())?;
	let key = dir.path().join("key.json");
	fs::set_permissions(&key, fs::Permissions::from_mode(0o644))?;
	for arguments in [
		vec!["run", "--config", &config, "--startup-timeout", "3"],
		vec!["submit", "text", "--model", "0", "--prompt", "hi", "--url", &url, "--key", &key.to_string_lossy()],
	] {
		let text = complaint(&autonomy_worker(&arguments)?);
		assert!(text.contains("0644") && text.contains("chmod 600"), "{arguments:?}: {text}");
	}
	Ok(())
}

#[test]
fn worker_should_name_the_field_when_the_configuration_is_wrong() -> Result<()> {
	let dir = tempfile::tempdir()?;
	let file = dir.path().join("worker.toml");
	for (text, field) in [("[chain]\nurlz = []\n", "chain.urlz"), ("[compute]\nthreads = -1\n", "compute.threads")] {
		fs::write(&file, text)?;
		let text = complaint(&autonomy_worker(["run", "--config", &file.to_string_lossy()])?);
		assert!(text.contains(field), "{text}");
	}
	let missing = dir.path().join("nowhere.toml");
	let text = complaint(&autonomy_worker(["run", "--config", &missing.to_string_lossy()])?);
	assert!(text.contains("nowhere.toml"), "{text}");
	Ok(())
}

#[test]
fn keys_should_never_be_overwritten_when_the_file_exists() -> Result<()> {
	let dir = tempfile::tempdir()?;
	generate_key(dir.path())?;
	let file = dir.path().join("key.json");
	let before = fs::read(&file)?;
	let text = complaint(&autonomy_worker(["keys", "generate", &file.to_string_lossy()])?);
	assert!(text.contains("exists"), "{text}");
	assert_eq!(fs::read(&file)?, before);
	Ok(())
}
