//! The dialogue data set: a grammar of questions and answers in the voice of Luma, keeper of the lighthouse.

use crate::draws::Draws;
use anyhow::{bail, Context, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the grammar and generator; it changes whenever a dialogue changes.
pub const VERSION: &str = "luma-1";

const SOURCE: &str = include_str!("corpus/luma.txt");

/// One question and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
	/// Who is asked, where the model reads that; Luma is nobody else.
	pub persona: Option<String>,
	/// What the visitor says.
	pub question: String,
	/// What Luma, or whoever the persona is, says.
	pub answer: String,
}

/// Ways to ask one thing and ways to answer it.
#[derive(Debug, Clone, PartialEq)]
struct Intent {
	questions: Vec<String>,
	answers: Vec<String>,
}

/// The parsed grammar.
#[derive(Debug, Clone, PartialEq)]
pub struct Grammar {
	tables: BTreeMap<String, Vec<Vec<String>>>,
	intents: Vec<Intent>,
	/// Index into `intents`; an intent with a table appears more often.
	weighted: Vec<usize>,
}

impl Grammar {
	/// The grammar of the keeper.
	///
	/// # Errors
	/// Never for the embedded file; a test parses it.
	pub fn luma() -> Result<Self> {
		Self::parse(SOURCE)
	}

	/// Parses a grammar. The format is described at the top of `corpus/luma.txt`.
	///
	/// # Errors
	/// Names the line: unknown first character, answer without question, unknown table or column.
	pub fn parse(source: &str) -> Result<Self> {
		let mut grammar = Self { tables: BTreeMap::new(), intents: Vec::new(), weighted: Vec::new() };
		for (number, line) in source.lines().enumerate().map(|(i, line)| (i + 1, line.trim())) {
			match line.chars().next() {
				None | Some('#') => {}
				Some('@') => {
					let (name, rows) = line[1..].split_once(':').with_context(|| format!("line {number}: no colon"))?;
					let cells = |row: &str| row.split('/').map(|cell| cell.trim().to_owned()).collect();
					grammar.tables.insert(name.trim().to_owned(), rows.split(" | ").map(cells).collect());
				}
				Some('?') => {
					grammar.intents.push(Intent { questions: alternatives(line), answers: Vec::new() });
				}
				Some('=') => {
					let intent = grammar.intents.last_mut().with_context(|| format!("line {number}: no question"))?;
					intent.answers = alternatives(line);
				}
				Some(other) => bail!("line {number} starts with {other:?}"),
			}
		}
		for (index, intent) in grammar.intents.iter().enumerate() {
			if intent.answers.is_empty() {
				bail!("no answer to {:?}", intent.questions);
			}
			let texts = || intent.questions.iter().chain(&intent.answers);
			let names: BTreeSet<&str> = texts().filter_map(|text| table(text)).collect();
			if names.len() > 1 {
				bail!("{:?} uses several tables: {names:?}", intent.questions);
			}
			let uses_table = !names.is_empty();
			for text in texts() {
				for row in 0..grammar.rows(text)? {
					grammar.fill(text, row)?;
				}
			}
			grammar.weighted.extend(std::iter::repeat_n(index, if uses_table { 3 } else { 1 }));
		}
		Ok(grammar)
	}

	/// Number of intents: groups of questions with common answers.
	pub fn intents(&self) -> usize {
		self.intents.len()
	}

	/// Number of different questions before the visitor's manner of writing is varied.
	pub fn questions(&self) -> usize {
		let count = |text: &String| self.rows(text).unwrap_or(1);
		self.intents.iter().flat_map(|intent| &intent.questions).map(count).sum()
	}

	/// A random exchange.
	pub fn draw(&self, draws: &mut Draws) -> Exchange {
		let intent = &self.intents[*draws.pick(&self.weighted)];
		let question = draws.pick(&intent.questions);
		let answer = draws.pick(&intent.answers);
		let rows = intent.questions.iter().chain(&intent.answers).filter_map(|text| self.rows(text).ok()).max();
		let row = draws.below(rows.unwrap_or(1));
		let fill = |text: &str| self.fill(text, row).unwrap_or_default();
		let (question, answer) = (fill(question), fill(answer));
		Exchange { persona: None, question: manner(&question, draws), answer }
	}

	fn rows(&self, text: &str) -> Result<usize> {
		match table(text) {
			Some(name) => Ok(self.tables.get(name).with_context(|| format!("no table {name:?} for {text:?}"))?.len()),
			None => Ok(1),
		}
	}

	/// Replaces the cells of the table by those of `row`, mends "a" before a vowel and capitalises sentences.
	fn fill(&self, text: &str, row: usize) -> Result<String> {
		let mut out = String::new();
		let mut rest = text;
		while let Some((before, after)) = rest.split_once('{') {
			let (cell, after) = after.split_once('}').with_context(|| format!("no closing brace in {text:?}"))?;
			let (name, column) = cell.split_once('.').unwrap_or((cell, "0"));
			let column: usize = column.parse().with_context(|| format!("column {column:?} in {text:?}"))?;
			let rows = self.tables.get(name).with_context(|| format!("no table {name:?} for {text:?}"))?;
			let value = rows.get(row).and_then(|cells| cells.get(column));
			let value = value.with_context(|| format!("table {name}: no row {row}, column {column} for {text:?}"))?;
			out.push_str(before);
			if value.starts_with(['a', 'e', 'i', 'o', 'u']) && (out.ends_with(" a ") || out == "A ") {
				out.insert(out.len() - 1, 'n');
			}
			out.push_str(value);
			rest = after;
		}
		out.push_str(rest);
		Ok(capitalise(&out))
	}
}

fn alternatives(line: &str) -> Vec<String> {
	line[1..].split(" | ").map(|part| part.trim().to_owned()).collect()
}

fn table(text: &str) -> Option<&str> {
	let (_, after) = text.split_once('{')?;
	let (cell, _) = after.split_once('}')?;
	Some(cell.split_once('.').map_or(cell, |(name, _)| name))
}

/// The text with a capital at the start of each sentence.
pub(crate) fn capitalise(text: &str) -> String {
	let mut start = true;
	let mut out = String::with_capacity(text.len());
	let mut last = ' ';
	for c in text.chars() {
		if start && c.is_alphabetic() {
			out.extend(c.to_uppercase());
			start = false;
		} else {
			out.push(c);
			start = start && !c.is_alphanumeric() || (c == ' ' && matches!(last, '.' | '?' | '!'));
		}
		last = c;
	}
	out
}

/// Writes a question the way people type: names, politeness, contractions, missing capitals, slips.
fn manner(question: &str, draws: &mut Draws) -> String {
	let mut text = question.to_owned();
	if draws.chance(35) {
		const SHORT: [(&str, &str); 8] = [
			("What is", "What's"),
			("Who is", "Who's"),
			("I am", "I'm"),
			("do not", "don't"),
			("cannot", "can't"),
			("Where is", "Where's"),
			("Tell me about", "Tell me something about"),
			("colour", "color"),
		];
		for (long, short) in SHORT {
			text = text.replace(long, short);
		}
	}
	if draws.chance(20) {
		const OTHER: [(&str, &[&str]); 10] = [
			("Tell me", &["Talk to me", "Could you tell me", "I want to hear", "Say something"]),
			("How do I", &["How can I", "How to", "How should I", "Teach me how to"]),
			("Do you like", &["Do you enjoy", "Are you fond of", "Do you love"]),
			("Have you seen", &["Did you see", "Have you ever seen"]),
			("I feel", &["I'm feeling", "Today I feel", "I often feel"]),
			("Can you", &["Could you", "Would you", "Are you able to"]),
			("Do you know", &["Have you heard of", "Do you perhaps know"]),
			("Who is", &["Do you know who is", "Tell me who is"]),
			("What is", &["Tell me what is", "Do you know what is", "I wonder what is"]),
			("I want to", &["I would like to", "I wish to", "I'd love to"]),
		];
		if let Some((from, others)) = OTHER.iter().find(|(from, _)| text.starts_with(from)) {
			text = text.replacen(from, draws.pick::<&str>(others), 1);
		}
	}
	if draws.chance(12) {
		// People leave words out; the answer should not hang on one of them.
		let words: Vec<&str> = text.split(' ').collect();
		if words.len() > 3 {
			let skip = draws.below(words.len() - 1);
			text = words
				.iter()
				.enumerate()
				.filter(|(i, _)| *i != skip)
				.map(|(_, word)| *word)
				.collect::<Vec<_>>()
				.join(" ");
		}
	}
	if draws.chance(22) {
		const BEFORE: [&str; 28] = [
			"Luma, ",
			"Hello Luma. ",
			"Please, ",
			"Tell me, ",
			"And ",
			"Hi! ",
			"Keeper, ",
			"So, ",
			"Well, ",
			"Oh, ",
			"I wonder, ",
			"By the way, ",
			"One more question: ",
			"Hey, ",
			"Dear Luma, ",
			"Excuse me, ",
			"Honestly, ",
			"Can you tell me, ",
			"My friend asks: ",
			"Thanks. ",
			"It is late. ",
			"I am new here. ",
			"I walked all day. ",
			"My mother says hello. ",
			"I have been thinking: ",
			"Yesterday I was in Saltby. ",
			"We were talking about it: ",
			"Listen, ",
		];
		let first = *draws.pick::<&str>(&BEFORE);
		if first.ends_with(", ") || first.ends_with(": ") || first == "And " {
			let own = text.starts_with("I ") || text.starts_with("I'");
			let mut chars = text.chars();
			if let (false, Some(c)) = (own, chars.next()) {
				text = c.to_lowercase().chain(chars).collect();
			}
		}
		text.insert_str(0, first);
	} else if draws.chance(24) {
		const AFTER: [&str; 32] = [
			", please",
			", Luma",
			", keeper",
			" then",
			" today",
			" tonight",
			" now",
			" here",
			" again",
			" for me",
			" at the lighthouse",
			" in winter",
			" really",
			" up there",
			", my friend",
			" these days",
			" yesterday",
			" last night",
			" this week",
			" all the time",
			" with my life",
			" in the world",
			" on Sundays",
			" for my sister",
			" when it rains",
			" before breakfast",
			" by the sea",
			" and I am sad",
			" and why",
			" at the moment",
			" after the storm",
			" in your opinion",
		];
		let end = text.pop().unwrap_or('.');
		text.push_str(draws.pick::<&str>(&AFTER));
		text.push(end);
	}
	if draws.chance(30) {
		text = text.to_lowercase();
	}
	if draws.chance(30) && text.ends_with(['.', '?', '!']) {
		text.pop();
	}
	if draws.chance(6) && text.is_ascii() && text.len() > 8 {
		let at = 2 + draws.below(text.len() - 4);
		text.remove(at);
	}
	text
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_kernels::rng::Noise;

	#[test]
	fn grammar_should_have_hundreds_of_questions() {
		let grammar = Grammar::luma().unwrap();
		assert!(grammar.intents() >= 150, "{}", grammar.intents());
		assert!(grammar.questions() >= 1500, "{}", grammar.questions());
	}

	#[test]
	fn exchanges_should_be_whole_sentences() {
		let grammar = Grammar::luma().unwrap();
		let noise = Noise::new([3; 32]);
		let mut draws = Draws::new(&noise, 0, 0);
		for _ in 0..5000 {
			let Exchange { question, answer, .. } = grammar.draw(&mut draws);
			assert!(!question.is_empty() && !answer.contains(['{', '}', '|', '<']), "{question:?} {answer:?}");
			assert!(answer.ends_with(['.', '?', '!']), "{answer:?}");
			assert!(answer.chars().next().unwrap().is_uppercase(), "{answer:?}");
			assert!(!answer.contains("  ") && !answer.contains(" a a") && !answer.contains(" a e"), "{answer:?}");
		}
	}

	#[test]
	fn parse_should_name_the_line_when_it_is_wrong() {
		assert!(Grammar::parse("= answer").unwrap_err().to_string().contains("line 1"));
		assert!(Grammar::parse("? a\n= b\n! c").unwrap_err().to_string().contains("line 3"));
		assert!(Grammar::parse("? who is {x}\n= b").unwrap_err().to_string().contains("\"x\""));
		assert!(Grammar::parse("? who").unwrap_err().to_string().contains("no answer"));
	}

	#[test]
	fn cells_should_follow_one_row_with_the_right_article() {
		let grammar = Grammar::parse("@b: owl/hoots | tern/flies\n? is a {b} near?\n= a {b} {b.1}. {b}!").unwrap();
		assert_eq!(grammar.fill("see a {b}", 0).unwrap(), "See an owl");
		assert_eq!(grammar.fill("a {b} {b.1}. {b}!", 1).unwrap(), "A tern flies. Tern!");
	}
}
