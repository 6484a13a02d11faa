//! The data set of the council: personas, questions of governance, and what such a person answers.
//!
//! Who a member is decides its stance, through the rules of `corpus/council.txt`; what the proposer says never does.
//! Those words are drawn apart from everything else, so that a model can only learn to leave them aside.

use crate::dialogue::{capitalise, Exchange};
use crate::draws::Draws;
use anyhow::{bail, ensure, Context, Result};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the rules and of the generator; it changes whenever an exchange changes.
pub const VERSION: &str = "council-1";
/// The last sentence of every question to an AI about a proposal, as pallet-dso writes it.
pub const ENDING: &str =
	"Answer with strongly for, for, neutral, against or strongly against, a colon, and why in one sentence.";

const SOURCE: &str = include_str!("corpus/council.txt");
/// What a member says that nobody has given a persona.
const NOBODY: &str = "Nobody has told me who I am.";
const NOBODY_TALKS: &str = "I am a member of the council without a persona.";
/// Who a member is that has no trade.
const MEMBER: &str = "a member of the council";
/// Numbers that a text can ask for, besides the tables.
const NUMBERS: [&str; 8] = ["high", "low", "id", "sum", "bp", "part", "len", "hex"];
/// Topics that differ in the direction of a number. They are drawn more often: comparing numbers takes more examples.
const DIRECTIONS: [&str; 4] = ["lower_penalties", "raise_penalties", "lower_fees", "raise_fees"];

const NAMES: [&str; 36] = [
	"Marta",
	"Ivo",
	"Tilda",
	"Bruno",
	"Agnes",
	"Kofi",
	"Lena",
	"Oskar",
	"Yuki",
	"Samir",
	"Rosa",
	"Piet",
	"Nadia",
	"Emil",
	"Greta",
	"Hugo",
	"Ines",
	"Jonas",
	"Kaia",
	"Leo",
	"Mina",
	"Nils",
	"Olga",
	"Pavel",
	"Quinn",
	"Rhea",
	"Sven",
	"Tara",
	"Ulla",
	"Vera",
	"Wim",
	"Xenia",
	"Yann",
	"Zora",
	"Old Tom",
	"Sister Ruth",
];
const SYLLABLES: [&str; 24] = [
	"ba", "do", "fi", "ga", "ha", "jo", "ka", "li", "mo", "na", "or", "pe", "ri", "sa", "ti", "um", "va", "we", "xa",
	"yo", "za", "el", "in", "ar",
];

/// What a member says to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stance {
	/// As much against it as one can be.
	StronglyAgainst,
	/// Against it.
	Against,
	/// Neither.
	Neutral,
	/// For it.
	For,
	/// As much for it as one can be.
	StronglyFor,
}

impl Stance {
	/// Every stance, from nay to aye.
	pub const ALL: [Self; 5] = [Self::StronglyAgainst, Self::Against, Self::Neutral, Self::For, Self::StronglyFor];

	/// How a reply says it, before the colon.
	pub fn words(self) -> &'static str {
		match self {
			Self::StronglyAgainst => "strongly against",
			Self::Against => "against",
			Self::Neutral => "neutral",
			Self::For => "for",
			Self::StronglyFor => "strongly for",
		}
	}

	/// The stance that a reply begins with, up to the first colon or the reply's end.
	pub fn of(reply: &str) -> Option<Self> {
		let words = reply.split_once(':').map_or(reply, |(stance, _)| stance).trim();
		Self::ALL.into_iter().find(|stance| stance.words() == words)
	}

	/// Distance from neutral.
	fn strength(self) -> u8 {
		match self {
			Self::Neutral => 0,
			Self::Against | Self::For => 1,
			Self::StronglyAgainst | Self::StronglyFor => 2,
		}
	}
}

impl fmt::Display for Stance {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(self.words())
	}
}

/// A question of governance with the answer that the persona's rules give.
#[derive(Debug, Clone, PartialEq)]
pub struct Ballot {
	/// Who is asked; nobody in particular without one.
	pub persona: Option<String>,
	/// What the proposal does.
	pub question: String,
	/// What the proposer says of it.
	pub prose: Option<String>,
	/// The answer.
	pub stance: Stance,
	/// Why, in one sentence or two.
	pub reason: String,
	/// Index of the topic.
	topic: usize,
	/// Index of the trait whose rule decided; none if it was none's.
	decided_by: Option<usize>,
}

impl Ballot {
	/// What the model is shown as the user's text.
	pub fn text(&self) -> String {
		match &self.prose {
			Some(prose) => format!("{}\nThe proposer says: \"{prose}\"", self.question),
			None => self.question.clone(),
		}
	}

	/// The ballot as an exchange to be learned.
	pub fn exchange(&self) -> Exchange {
		let answer = format!("{}: {}", self.stance, self.reason);
		Exchange { persona: self.persona.clone(), question: self.text(), answer }
	}
}

/// Something that proposals are about.
#[derive(Debug, Clone, PartialEq)]
struct Topic {
	name: String,
	/// How a reply calls it.
	what: String,
	/// How a question says what is done.
	wordings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
	stance: Stance,
	reasons: Vec<String>,
}

/// What somebody values.
#[derive(Debug, Clone, PartialEq)]
struct Trait {
	name: String,
	roles: Vec<String>,
	wants: Vec<String>,
	/// By topic; the others are neutral.
	rules: BTreeMap<usize, Rule>,
	/// Reasons for being neutral.
	others: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Talk {
	questions: Vec<String>,
	replies: Vec<String>,
}

/// Somebody who was drawn.
struct Persona {
	text: String,
	name: String,
	role: String,
	/// What it does, in the first person.
	want: String,
	/// Indices of its traits.
	traits: Vec<usize>,
}

/// What decides: a stance, reasons to choose from and the trait that they are of.
struct Verdict<'a> {
	stance: Stance,
	reasons: &'a [String],
	by: usize,
}

/// The rules and words of the council.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Council {
	tables: BTreeMap<String, Vec<String>>,
	topics: Vec<Topic>,
	traits: Vec<Trait>,
	talks: Vec<Talk>,
	habits: Vec<String>,
	/// What proposers say.
	prose: Vec<String>,
	/// Indices of the topics that differ in direction.
	directions: Vec<usize>,
}

impl Council {
	/// The rules that the model of the repository is trained on.
	///
	/// # Errors
	/// Never for the embedded file; a test parses it.
	pub fn new() -> Result<Self> {
		let council = Self::parse(SOURCE)?;
		ensure!(council.directions.len() == DIRECTIONS.len(), "not every topic of {DIRECTIONS:?} is there");
		Ok(council)
	}

	/// Parses rules. The format is described at the top of `corpus/council.txt`.
	///
	/// # Errors
	/// Names the line: unknown mark, unknown topic or place, something that belongs to nothing.
	pub fn parse(source: &str) -> Result<Self> {
		let mut council = Self::default();
		for (number, line) in source.lines().enumerate().map(|(i, line)| (i + 1, line.trim())) {
			if !line.is_empty() && !line.starts_with('#') {
				council.read(line).with_context(|| format!("line {number}"))?;
			}
		}
		council.check()?;
		let topics = council.topics.iter().enumerate();
		council.directions =
			topics.filter(|(_, topic)| DIRECTIONS.contains(&topic.name.as_str())).map(|(i, _)| i).collect();
		Ok(council)
	}

	fn read(&mut self, line: &str) -> Result<()> {
		let (mark, rest) = line.split_once(' ').context("a mark and nothing after it")?;
		match mark {
			"!" => {
				let (name, what) = rest.split_once(':').context("no colon")?;
				let (name, what) = (name.trim().to_owned(), what.trim().to_owned());
				self.topics.push(Topic { name, what, wordings: Vec::new() });
			}
			"?" => self.topics.last_mut().context("no topic above")?.wordings = alternatives(rest),
			"*" => self.traits.push(Trait {
				name: rest.trim().to_owned(),
				roles: Vec::new(),
				wants: Vec::new(),
				rules: BTreeMap::new(),
				others: Vec::new(),
			}),
			"&" => self.last_trait()?.roles = alternatives(rest),
			"~" => self.last_trait()?.wants = alternatives(rest),
			"0" => self.last_trait()?.others = alternatives(rest),
			"++" | "+" | "-" | "--" => {
				let stance = match mark {
					"++" => Stance::StronglyFor,
					"+" => Stance::For,
					"-" => Stance::Against,
					_ => Stance::StronglyAgainst,
				};
				let (names, reasons) = rest.split_once(':').context("no colon")?;
				let reasons = alternatives(reasons);
				for name in names.split(',').map(str::trim) {
					let topic = self.topics.iter().position(|topic| topic.name == name);
					let topic = topic.with_context(|| format!("no topic {name:?}"))?;
					let of = self.last_trait()?;
					let before = of.rules.insert(topic, Rule { stance, reasons: reasons.clone() });
					ensure!(before.is_none(), "two rules of {:?} about {name:?}", of.name);
				}
			}
			"<" => self.talks.push(Talk { questions: alternatives(rest), replies: Vec::new() }),
			">" => self.talks.last_mut().context("no question above")?.replies = alternatives(rest),
			"=" => self.habits = alternatives(rest),
			"^" => self.prose = alternatives(rest),
			_ => match mark.strip_prefix('@') {
				Some(name) => {
					self.tables.insert(name.to_owned(), alternatives(rest));
				}
				None => bail!("it starts with {mark:?}"),
			},
		}
		Ok(())
	}

	fn last_trait(&mut self) -> Result<&mut Trait> {
		self.traits.last_mut().context("no trait above")
	}

	/// Whether everything has its words, and every place in a text something to fill it.
	fn check(&self) -> Result<()> {
		let tables: Vec<&str> = self.tables.keys().map(String::as_str).chain(NUMBERS).collect();
		for Topic { name, wordings, .. } in &self.topics {
			ensure!(!wordings.is_empty(), "no words for topic {name:?}");
			for text in wordings {
				check_places(text, &tables)?;
			}
		}
		for Trait { name, roles, wants, rules, others } in &self.traits {
			ensure!(!roles.is_empty() && !wants.is_empty() && !others.is_empty(), "trait {name:?} is not whole");
			for text in rules.values().flat_map(|rule| &rule.reasons).chain(others) {
				check_places(text, &["what"])?;
			}
		}
		for Talk { questions, replies } in &self.talks {
			ensure!(!replies.is_empty(), "no reply to {questions:?}");
			for text in questions.iter().chain(replies) {
				check_places(text, &["name", "role", "want", "reason", "what"])?;
			}
		}
		for text in &self.prose {
			check_places(text, &["stance"])?;
		}
		let whole = [self.topics.len(), self.traits.len(), self.talks.len(), self.habits.len(), self.prose.len()];
		ensure!(!whole.contains(&0), "topics, traits, talks, habits and words of proposers: {whole:?}, none may be 0");
		Ok(())
	}

	/// A random exchange: four ballots for each time of small talk.
	pub fn draw(&self, draws: &mut Draws) -> Exchange {
		if draws.chance(20) {
			self.talk(draws)
		} else {
			self.ballot(draws).exchange()
		}
	}

	/// A random ballot.
	pub fn ballot(&self, draws: &mut Draws) -> Ballot {
		let persona = (!draws.chance(3)).then(|| self.persona(draws));
		let (topic, verdict) = self.agenda(persona.as_ref(), draws);
		let wording = draws.pick(&self.topics[topic].wordings);
		let what = self.fill(wording, draws, &[]);
		let question = question(&what, draws);
		let prose = draws.chance(40).then(|| self.prose(draws));
		let (stance, reason, decided_by) = match verdict {
			Some(verdict) => (verdict.stance, self.reason(&verdict, topic, draws), Some(verdict.by)),
			None => (Stance::Neutral, NOBODY.to_owned(), None),
		};
		Ballot { persona: persona.map(|persona| persona.text), question, prose, stance, reason, topic, decided_by }
	}

	/// A topic, and what the persona's traits say to it. It is one that they do not contradict each other in.
	fn agenda(&self, persona: Option<&Persona>, draws: &mut Draws) -> (usize, Option<Verdict<'_>>) {
		let traits: &[usize] = match persona {
			Some(persona) => &persona.traits,
			None => &[],
		};
		let own: Vec<usize> = traits.iter().flat_map(|one| self.traits[*one].rules.keys().copied()).collect();
		loop {
			let topic = match draws.below(100) {
				0..30 if !self.directions.is_empty() => *draws.pick(&self.directions),
				30..75 if !own.is_empty() => *draws.pick(&own),
				_ => draws.below(self.topics.len()),
			};
			let verdict = self.verdict(traits, topic);
			if verdict.is_some() || traits.is_empty() {
				return (topic, verdict);
			}
		}
	}

	/// The stronger of the traits' stances; of two equal ones the first trait's. None if they are opposite.
	fn verdict(&self, traits: &[usize], topic: usize) -> Option<Verdict<'_>> {
		let mut found: Option<Verdict> = None;
		for by in traits.iter().copied() {
			let of = &self.traits[by];
			let (stance, reasons) =
				of.rules.get(&topic).map_or((Stance::Neutral, &of.others), |rule| (rule.stance, &rule.reasons));
			match found.as_ref().map(|before| before.stance) {
				Some(before) if before.strength() > stance.strength() || before == stance => {}
				Some(before) if before.strength() == stance.strength() => return None,
				_ => found = Some(Verdict { stance, reasons, by }),
			}
		}
		found
	}

	fn reason(&self, verdict: &Verdict, topic: usize, draws: &mut Draws) -> String {
		let known = [("what", self.topics[topic].what.clone())];
		capitalise(&self.fill(draws.pick::<String>(verdict.reasons), draws, &known))
	}

	/// Small talk with somebody.
	fn talk(&self, draws: &mut Draws) -> Exchange {
		let persona = (!draws.chance(3)).then(|| self.persona(draws));
		let Talk { questions, replies } = draws.pick(&self.talks);
		let (question, answer) = (draws.pick(questions), draws.pick(replies));
		let (topic, verdict) = self.agenda(persona.as_ref(), draws);
		let what = self.topics[topic].what.clone();
		let mut question = capitalise(&self.fill(question, draws, &[("what", what)]));
		if draws.chance(20) {
			question = question.to_lowercase();
		}
		if draws.chance(20) && question.ends_with(['.', '?', '!']) {
			question.pop();
		}
		let answer = match (&persona, verdict) {
			(Some(persona), Some(verdict)) => {
				let known = [
					("name", persona.name.clone()),
					("role", persona.role.clone()),
					("want", persona.want.clone()),
					("reason", self.reason(&verdict, topic, draws)),
				];
				capitalise(&self.fill(answer, draws, &known))
			}
			_ => NOBODY_TALKS.to_owned(),
		};
		Exchange { persona: persona.map(|persona| persona.text), question, answer }
	}

	/// Somebody with one trait or two.
	fn persona(&self, draws: &mut Draws) -> Persona {
		let mut traits = vec![draws.below(self.traits.len())];
		let other = draws.below(self.traits.len());
		if draws.chance(20) && other != traits[0] {
			traits.push(other);
		}
		let first = &self.traits[traits[0]];
		let name = name(draws);
		let mut wants = vec![draws.pick(&first.wants)];
		let more = traits.get(1).map_or(first, |second| &self.traits[*second]);
		let another = draws.pick(&more.wants);
		if (traits.len() > 1 || draws.chance(40)) && another != wants[0] {
			wants.push(another);
		}
		let role = if draws.chance(85) { draws.pick(&first.roles).clone() } else { MEMBER.to_owned() };
		let habit = draws.chance(35).then(|| draws.pick(&self.habits));
		let text = introduce(&name, &role, &wants, habit, draws);
		Persona { text, name, role, want: inflect(wants[0], false), traits }
	}

	/// What a proposer says: mostly a sentence or two.
	fn prose(&self, draws: &mut Draws) -> String {
		let sentences = if draws.chance(12) { 3 + draws.below(3) } else { 1 + draws.below(2) };
		let mut parts = Vec::new();
		for _ in 0..sentences {
			// Whoever pushes pushes to an end.
			let stance = match draws.below(10) {
				0..4 => Stance::StronglyFor,
				4..7 => Stance::StronglyAgainst,
				_ => *draws.pick::<Stance>(&Stance::ALL),
			};
			let text = draws.pick(&self.prose);
			parts.push(self.fill(text, draws, &[("stance", stance.words().to_owned())]));
		}
		parts.join(" ")
	}

	/// Fills the places of a text: from `known`, from a table, or with a number. A place that occurs twice has one
	/// value.
	fn fill(&self, text: &str, draws: &mut Draws, known: &[(&str, String)]) -> String {
		let (high, low) = if text.contains("{high}") || text.contains("{low}") { pair(draws) } else { (1, 0) };
		let mut values: BTreeMap<&str, String> = known.iter().map(|(name, value)| (*name, value.clone())).collect();
		values.insert("high", high.to_string());
		values.insert("low", low.to_string());
		let mut out = String::new();
		let mut rest = text;
		while let Some((before, (place, after))) =
			rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
		{
			out.push_str(before);
			let value = values.entry(place).or_insert_with(|| self.value(kind(place), draws));
			out.push_str(value);
			rest = after;
		}
		out.push_str(rest);
		out
	}

	fn value(&self, kind: &str, draws: &mut Draws) -> String {
		match kind {
			"id" => draws.below(40).to_string(),
			"sum" => {
				let most = if draws.chance(70) { 9 } else { 999 };
				let digits = 1 + draws.below(most) as u64;
				(digits * 10u64.pow(draws.below(16) as u32)).to_string()
			}
			"bp" => ((1 + draws.below(100)) * if draws.chance(70) { 100 } else { 25 }).to_string(),
			"part" => (draws.below(20) * if draws.chance(70) { 50_000 } else { 12_500 }).to_string(),
			"len" => (3 + draws.below(400)).to_string(),
			"hex" => hex(draws),
			_ => self.tables.get(kind).map(|rows| draws.pick(rows).clone()).unwrap_or_default(),
		}
	}
}

fn alternatives(text: &str) -> Vec<String> {
	text.split(" | ").map(|part| part.trim().to_owned()).collect()
}

/// What a place is filled with: its name without a number at the end.
fn kind(place: &str) -> &str {
	place.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn check_places(text: &str, known: &[&str]) -> Result<()> {
	for part in text.split('{').skip(1) {
		let (place, _) = part.split_once('}').with_context(|| format!("no closing brace in {text:?}"))?;
		ensure!(known.contains(&kind(place)), "nothing fills {place:?} in {text:?}");
	}
	Ok(())
}

/// The whole question about what a proposal does, in the words of pallet-dso; seldom in others, so that the model does
/// not hang on them.
fn question(what: &str, draws: &mut Draws) -> String {
	let (proposal, community) = (draws.below(200), draws.below(20));
	match draws.below(100) {
		0..2 => format!("If the proposal passes, {what}. {ENDING}"),
		2..4 => format!("A proposal of community {community}: {what}. {ENDING}"),
		4..6 => format!("Proposal {proposal} of community {community}. If it passes, {what}."),
		_ => format!("Proposal {proposal} of community {community}. If it passes, {what}. {ENDING}"),
	}
}

/// Two whole numbers, the higher one first, as people choose them: mostly round, one a simple share of the other.
fn pair(draws: &mut Draws) -> (u64, u64) {
	const SHARES: [(u64, u64); 9] = [(1, 2), (3, 4), (4, 5), (9, 10), (1, 4), (1, 10), (2, 3), (1, 3), (1, 5)];
	let most = match draws.below(10) {
		0..5 => 9,
		5..9 => 99,
		_ => 9999,
	};
	let scale = 10u64.pow(draws.below(10) as u32);
	let first = 1 + draws.below(most) as u64;
	if draws.chance(30) {
		let second = 1 + draws.below(most) as u64;
		let high = first.max(second) + u64::from(first == second);
		return (high * scale, first.min(second) * scale);
	}
	let (over, under) = *draws.pick::<(u64, u64)>(&SHARES);
	let high = first * scale;
	(high, high * over / under)
}

/// A hash or account. Its digits say nothing, so most are cut short: a token spent on them is not spent on words.
fn hex(draws: &mut Draws) -> String {
	let words = if draws.chance(30) { 8 } else { 1 };
	let digits: String = (0..words).map(|_| format!("{:08x}", draws.bits())).collect();
	format!("0x{digits}")
}

fn name(draws: &mut Draws) -> String {
	if draws.chance(50) {
		return (*draws.pick::<&str>(&NAMES)).to_owned();
	}
	let syllables: String = (0..2 + draws.below(2)).map(|_| *draws.pick::<&str>(&SYLLABLES)).collect();
	capitalise(&syllables)
}

/// A verb phrase in the third person or in another one: see `corpus/council.txt`.
fn inflect(phrase: &str, third: bool) -> String {
	let mut out = String::new();
	let mut rest = phrase;
	while let Some((before, (ending, after))) =
		rest.split_once('[').and_then(|(before, after)| Some((before, after.split_once(']')?)))
	{
		let (of_third, of_others) = ending.split_once('/').unwrap_or((ending, ""));
		out.push_str(before);
		out.push_str(if third { of_third } else { of_others });
		rest = after;
	}
	out.push_str(rest);
	out
}

/// A persona's text, in one of the ways in which people write them.
fn introduce(name: &str, role: &str, wants: &[&String], habit: Option<&String>, draws: &mut Draws) -> String {
	let way = draws.below(10);
	let third = !matches!(way, 2 | 3);
	let wants: Vec<String> = wants.iter().map(|want| inflect(want, third)).collect();
	let want = wants.join(" and ");
	let sentences = |of: &dyn Fn(&str) -> String| wants.iter().map(|want| of(want)).collect::<Vec<_>>().join(" ");
	let subject = match way {
		2 => "You",
		3 => "I",
		_ => name,
	};
	let text = match way {
		0 => format!("{name} is {role} who {want}."),
		1 => format!("{name}, {role}: {want}."),
		2 => format!("You are {name}, {role}. You {want}."),
		3 => format!("I am {name}, {role}. I {want}."),
		4 => format!("{name}, {role}, {want}."),
		5 => format!("This is {name}. As {role}, {name} {want}."),
		6 => format!("{name}: {role} that {want}."),
		7 => format!("{name} is {role}. {}", sentences(&|want| format!("{name} {want}."))),
		8 => format!("{name}, {role}. {}", sentences(&|want| capitalise(&format!("{want}.")))),
		_ => format!("{name} {want}. {name} is {role}."),
	};
	let Some(habit) = habit else { return text };
	let habit = format!("{subject} {}.", inflect(habit, third));
	if draws.chance(30) {
		format!("{habit} {text}")
	} else {
		format!("{text} {habit}")
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_kernels::rng::Noise;
	use autonomy_primitives::job::{MAX_PROMPT_BYTES, MAX_PROSE_BYTES};
	use std::collections::BTreeSet;

	fn with_draws(seed: u8, test: impl FnOnce(&Council, &mut Draws)) {
		let noise = Noise::new([seed; 32]);
		test(&Council::new().unwrap(), &mut Draws::new(&noise, 0, 0));
	}

	#[test]
	fn ballots_should_reach_every_rule_when_many_are_drawn() {
		with_draws(1, |council, draws| {
			let (mut rules, mut neutral, mut nobody) = (BTreeSet::new(), BTreeSet::new(), 0);
			for _ in 0..40_000 {
				let ballot = council.ballot(draws);
				match ballot.decided_by {
					Some(by) if council.traits[by].rules.contains_key(&ballot.topic) => {
						assert_eq!(ballot.stance, council.traits[by].rules[&ballot.topic].stance);
						rules.insert((by, ballot.topic));
					}
					Some(by) => {
						assert_eq!(ballot.stance, Stance::Neutral);
						neutral.insert(by);
					}
					None => {
						assert_eq!((ballot.persona, ballot.stance), (None, Stance::Neutral));
						nobody += 1;
					}
				}
			}
			let all = council.traits.iter().enumerate();
			let all = all.flat_map(|(by, of)| of.rules.keys().map(move |topic| (by, *topic)));
			assert_eq!(rules, all.collect::<BTreeSet<_>>());
			assert_eq!(neutral.len(), council.traits.len());
			assert!(nobody > 0);
		});
	}

	#[test]
	fn proposers_should_ask_for_every_stance_whatever_the_answer_is() {
		with_draws(2, |council, draws| {
			let mut seen = BTreeSet::new();
			for _ in 0..40_000 {
				let ballot = council.ballot(draws);
				let prose = ballot.prose.unwrap_or_default();
				// The longer words contain the shorter ones.
				for asked in [Stance::StronglyAgainst, Stance::StronglyFor, Stance::Neutral] {
					if prose.contains(asked.words()) {
						seen.insert((ballot.stance, asked));
					}
				}
			}
			assert_eq!(seen.len(), 15, "{seen:?}");
		});
	}

	#[test]
	fn exchanges_should_fit_the_chain_and_have_no_marks_left() {
		with_draws(3, |council, draws| {
			for _ in 0..20_000 {
				let ballot = council.ballot(draws);
				let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
				assert!(length(&ballot.persona) <= 400, "{ballot:?}");
				assert!(length(&ballot.prose) <= MAX_PROSE_BYTES as usize, "{ballot:?}");
				assert!(ballot.question.len() <= MAX_PROMPT_BYTES as usize, "{ballot:?}");
				assert_eq!(Stance::of(&ballot.exchange().answer), Some(ballot.stance));
				for exchange in [ballot.exchange(), council.draw(draws)] {
					let persona = exchange.persona.unwrap_or_default();
					for text in [&persona, &exchange.question, &exchange.answer] {
						assert!(!text.contains(['{', '}', '[', ']']) && !text.contains("  "), "{text:?}");
					}
					assert!(exchange.answer.ends_with(['.', '?', '!']), "{:?}", exchange.answer);
				}
			}
		});
	}

	#[test]
	fn numbers_should_move_in_the_direction_of_the_topic() {
		with_draws(4, |council, draws| {
			let mut compared = [0; 2];
			for _ in 0..20_000 {
				let ballot = council.ballot(draws);
				let name = council.topics[ballot.topic].name.as_str();
				let Some(at) = DIRECTIONS.iter().position(|direction| *direction == name) else { continue };
				let Some((_, after)) = ballot.question.split_once(" from ") else { continue };
				let Some((from, to)) = after.split_once(" to ") else { continue };
				let number = |text: &str| {
					let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
					digits.parse::<u64>().unwrap()
				};
				let raised = at % 2;
				assert_eq!(number(from) < number(to), raised == 1, "{}", ballot.question);
				assert_ne!(number(from), number(to));
				compared[raised] += 1;
			}
			assert!(compared.into_iter().all(|count| count > 1000), "{compared:?}");
		});
	}

	const SMALL: &str = "! x: this\n? it is {id} and {id2}\n! y: that\n? b\n\
		* p\n& a p\n~ go[es]\n++ x: r {what}\n- y: s\n0 n\n\
		* q\n& a q\n~ cr[ies/y]\n-- x: t\n+ y: u\n0 o\n\
		* z\n& a z\n~ sit[s]\n0 m\n< hi\n> {name}\n= sleep[s]\n^ {stance}!";

	#[test]
	fn the_stronger_trait_should_decide_unless_both_are_as_strong() {
		let council = Council::parse(SMALL).unwrap();
		let stance =
			|traits: &[usize], topic| council.verdict(traits, topic).map(|verdict| (verdict.stance, verdict.by));
		assert_eq!(stance(&[0], 0), Some((Stance::StronglyFor, 0)));
		assert_eq!(stance(&[0, 1], 0), None);
		assert_eq!(stance(&[0, 1], 1), None);
		assert_eq!(stance(&[2, 1], 1), Some((Stance::For, 1)));
		assert_eq!(stance(&[0, 2], 1), Some((Stance::Against, 0)));
		assert_eq!(stance(&[2], 1), Some((Stance::Neutral, 2)));
		assert_eq!(stance(&[], 1), None);
	}

	#[test]
	fn parse_should_name_the_line_when_it_is_wrong() {
		let refuse = |source: &str, word: &str| {
			let error = format!("{:#}", Council::parse(source).unwrap_err());
			assert!(error.contains(word), "{error}");
		};
		refuse("? a", "line 1");
		refuse("! a: b\n? c\n* d\n+ e: f", "line 4");
		refuse("! a: b\n? c\n% d", "\"%\"");
		refuse("! a: b\n? c {e}", "\"e\"");
		refuse("! a: b\n? c {id", "closing brace");
		refuse("! a: b\n? c\n* d\n- a: e\n+ a: f", "two rules");
		refuse("! a: b\n? c", "none may be 0");
	}

	#[test]
	fn stance_should_be_read_from_the_whole_words_before_the_colon() {
		assert_eq!(Stance::of("strongly for: yes: very"), Some(Stance::StronglyFor));
		assert_eq!(Stance::of(" against"), Some(Stance::Against));
		assert_eq!(Stance::of("for the money: no"), None);
		assert_eq!(Stance::of(""), None);
	}

	#[test]
	fn verbs_should_follow_the_person() {
		assert_eq!(inflect("tr[ies/y] and ask[s] later", true), "tries and asks later");
		assert_eq!(inflect("tr[ies/y] and ask[s] later", false), "try and ask later");
	}
}
