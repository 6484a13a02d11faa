//! The program itself, where no chain is needed: every mistake ends in one clear line and a failure.

use std::{
	fs,
	net::TcpListener,
	os::unix::fs::PermissionsExt,
	path::Path,
	process::{Command, Output},
	time::{Duration, Instant},
};

const PASSWORD: &str = "correct horse battery";

fn worker(folder: &Path, arguments: &[&str]) -> Output {
	Command::new(env!("CARGO_BIN_EXE_autonomy-worker"))
		.args(arguments)
		.current_dir(folder)
		.env_clear()
		.env("AUTONOMY_KEY_PASSWORD", PASSWORD)
		.output()
		.expect("the program starts")
}

/// The one line on standard error that begins with `error:`.
fn complaint(output: &Output) -> String {
	assert!(!output.status.success(), "it succeeded: {}", String::from_utf8_lossy(&output.stdout));
	let text = String::from_utf8_lossy(&output.stderr).into_owned();
	let lines: Vec<_> = text.lines().filter(|l| l.starts_with("error: ")).collect();
	assert_eq!(lines.len(), 1, "{text}");
	lines[0].to_string()
}

fn stdout(output: &Output) -> String {
	assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
	String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// An address where nobody listens.
fn nobody() -> String {
	let listener = TcpListener::bind("127.0.0.1:0").unwrap();
	format!("ws://{}", listener.local_addr().unwrap())
}

/// A folder with a configuration and a key.
fn folder(url: &str) -> tempfile::TempDir {
	let dir = tempfile::tempdir().unwrap();
	stdout(&worker(dir.path(), &["keys", "generate", "key.json"]));
	let config = format!("[chain]\nurls = ['{url}']\n[keys]\nfile = 'key.json'\n[server]\nlisten = ''\n");
	fs::write(dir.path().join("worker.toml"), config).unwrap();
	dir
}

#[test]
fn key_should_be_shown_when_it_was_made() {
	let dir = tempfile::tempdir().unwrap();
	let address = stdout(&worker(dir.path(), &["keys", "generate", "key.json"]));
	let mode = fs::metadata(dir.path().join("key.json")).unwrap().permissions().mode() & 0o7777;
	assert_eq!(mode, 0o600);
	let shown = stdout(&worker(dir.path(), &["keys", "inspect", "key.json"]));
	assert!(shown.starts_with(&address) && shown.contains("opens it"), "{shown}");
	assert!(complaint(&worker(dir.path(), &["keys", "generate", "key.json"])).contains("exists already"));
}

#[test]
fn run_should_refuse_a_key_when_others_can_read_it() {
	let dir = folder(&nobody());
	let key = dir.path().join("key.json");
	fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
	let complaint = complaint(&worker(dir.path(), &["run", "--config", "worker.toml"]));
	assert!(complaint.contains("mode 0644") && complaint.contains("chmod 600"), "{complaint}");
}

#[test]
fn commands_should_say_so_soon_when_no_node_is_there() {
	let url = nobody();
	let dir = folder(&url);
	let config = ["--config", "worker.toml"];
	let commands: [&[&str]; 6] = [
		&["run", "--startup-timeout", "1"],
		&["verify", "0"],
		&["show", "0"],
		&["models", "list"],
		&["submit", "image", "--model", "0", "--prompt", "a red circle", "--dev", "alice"],
		&["register", "--bond", "1000", "--join", "0:1", "--dev", "alice"],
	];
	for command in commands {
		let started = Instant::now();
		let complaint = complaint(&worker(dir.path(), &[command, &config].concat()));
		let expected = format!(
			"cannot reach any node: {url} (connection refused); start one with autonomy-node --dev or set chain.urls"
		);
		assert!(complaint.contains(&expected), "{command:?}: {complaint}");
		assert!(started.elapsed() < Duration::from_secs(30), "{command:?} took {:?}", started.elapsed());
	}
}

#[test]
fn check_should_list_what_is_wrong_when_no_node_is_there() {
	let dir = folder(&nobody());
	let output = worker(dir.path(), &["check", "--config", "worker.toml"]);
	let lines = String::from_utf8_lossy(&output.stdout).into_owned();
	assert!(lines.contains("✗ node") && lines.contains("cannot reach any node"), "{lines}");
	assert!(lines.contains("✓ key") && lines.contains("✓ engine"), "{lines}");
	assert!(complaint(&output).contains("of the checks failed"));
}

#[test]
fn configuration_should_be_refused_with_the_field_when_it_is_wrong() {
	let dir = folder(&nobody());
	fs::write(dir.path().join("worker.toml"), "[chain]\nurlz = []\n").unwrap();
	let complaint_text = complaint(&worker(dir.path(), &["run", "--config", "worker.toml"]));
	assert!(complaint_text.contains("chain.urlz"), "{complaint_text}");
	let missing = complaint(&worker(dir.path(), &["run", "--config", "nowhere.toml"]));
	assert!(missing.contains("nowhere.toml"), "{missing}");
}

#[test]
fn model_should_be_refused_when_its_folder_is_none() {
	let dir = tempfile::tempdir().unwrap();
	let complaint = complaint(&worker(dir.path(), &["models", "manifest", "."]));
	assert!(complaint.contains("manifest.json"), "{complaint}");
}
