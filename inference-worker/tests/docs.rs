//! docs/operators.md and docs/training.md against the program: commands that exist, messages that are said, links that lead
//! somewhere.

use std::{
	collections::BTreeSet,
	fs,
	path::{Path, PathBuf},
	process::Command,
};

fn page() -> String {
	fs::read_to_string("../docs/operators.md").unwrap()
}

/// The lines of the page's shell blocks, without their comments.
fn shell_lines(page: &str) -> Vec<String> {
	let mut lines = Vec::new();
	let mut inside = false;
	for line in page.lines() {
		match line {
			"```sh" => inside = true,
			"```" => inside = false,
			_ if inside => lines.push(line.split(" #").next().unwrap_or_default().trim().to_string()),
			_ => {}
		}
	}
	lines
}

fn help(subcommands: &[&str]) -> String {
	let output = Command::new(env!("CARGO_BIN_EXE_autonomy-worker")).args(subcommands).arg("--help").output().unwrap();
	assert!(output.status.success(), "there is no `autonomy-worker {}`", subcommands.join(" "));
	String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The text of every source file below a folder, as the compiler sees its strings: a line that ends in a backslash goes on
/// at the next one's first letter.
fn sources(folder: &Path, text: &mut String) {
	for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
		let path = entry.unwrap().path();
		if path.is_dir() {
			sources(&path, text);
		} else if path.extension().is_some_and(|e| e == "rs") {
			let source = fs::read_to_string(&path).unwrap();
			let mut pieces = source.split("\\\n");
			text.push_str(pieces.next().unwrap_or_default());
			pieces.for_each(|piece| text.push_str(piece.trim_start()));
		}
	}
}

#[test]
fn commands_of_the_pages_should_be_known_with_their_options() {
	let training = fs::read_to_string("../docs/training.md").unwrap();
	let lines = [shell_lines(&page()), shell_lines(&training)].concat();
	let commands: Vec<_> = lines.iter().filter_map(|l| l.strip_prefix("autonomy-worker ")).collect();
	assert!(commands.len() >= 8, "{commands:?}");
	for command in commands {
		let words: Vec<_> = command.split_whitespace().collect();
		let nested = ["keys", "models", "submit", "train"].contains(&words[0]);
		let help = help(&words[..1 + usize::from(nested)]);
		for option in words.iter().filter(|w| w.starts_with("--")) {
			let known = help.split_whitespace().any(|w| w.trim_end_matches([',', ']']) == *option);
			assert!(known, "`autonomy-worker {command}`: {option} is not in\n{help}");
		}
	}
}

#[test]
fn messages_of_the_page_should_be_what_the_program_says() {
	let page = page();
	let (_, table) = page.split_once("\n## When something is wrong").unwrap();
	let messages: Vec<_> =
		table.lines().filter_map(|l| l.strip_prefix("| `")).filter_map(|l| l.split_once('`')).map(|(m, _)| m).collect();
	assert!(messages.len() >= 15, "{messages:?}");
	let mut said = String::new();
	for folder in ["src", "artifacts/src", "sandbox/src", "../pallets/inference/src"] {
		sources(Path::new(folder), &mut said);
	}
	for message in messages {
		for part in message.split('…').map(str::trim).filter(|p| p.len() > 2) {
			assert!(said.contains(part), "nothing says `{part}` of `{message}`");
		}
	}
}

#[test]
fn links_of_the_page_should_lead_somewhere() {
	let page = page();
	let headings: BTreeSet<_> = page
		.lines()
		.filter_map(|l| l.strip_prefix("## "))
		.map(|heading| {
			let kept = heading.to_lowercase().replace(' ', "-");
			kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
		})
		.collect();
	let links: Vec<_> =
		page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect();
	assert!(links.len() >= 15);
	for link in links {
		match link.strip_prefix('#') {
			Some(anchor) => assert!(headings.contains(anchor), "no heading for #{anchor} in {headings:?}"),
			None => {
				let file = link.split_once('#').map_or(link, |(file, _)| file);
				let target = PathBuf::from("../docs").join(file);
				assert!(link.contains("://") || target.exists(), "{} does not exist", target.display());
			}
		}
	}
}
