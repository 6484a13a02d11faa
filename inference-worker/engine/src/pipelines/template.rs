//! Chat templates of transformers: the Jinja text with which `tokenizer_config.json` says how messages become a prompt.
//!
//! A template is rendered as `apply_chat_template` does it, with one difference: nothing in it may ask for the date, which is
//! another one on every machine. `strftime_now` is not defined, so that templates which can do without it (`strftime_now is
//! defined`) have the date that they were published with, and the others are refused.
//!
//! A template may have been written by somebody who wishes the machine ill. Its text, the instructions that it runs, the levels
//! that it calls itself and the prompt that it makes are bounded. What it keeps in variables on the way is bounded by the memory
//! of the engine process alone: the language can double a text with every instruction.

use crate::weights::{shown, ModelFolder};
use crate::{tokenizer, EngineError, JobFault};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

/// Most bytes of a template. Published ones have up to 20 KB.
const MOST_SOURCE: usize = 256 << 10;
/// Instructions that a prompt may take: a hundred times what a template needs, and a few milliseconds.
const FUEL: u64 = 1 << 15;
/// Levels that a template may call itself, include blocks and open loops.
const MOST_CALLS: usize = 64;
/// Most bytes of a prompt: a few hundred times the longest persona and the longest text.
const MOST_PROMPT: usize = 1 << 20;
/// Bytes of the stack on which a template runs. With each instruction it can put a list into a list, and these are read and
/// dropped one inside the other: this leaves 2 KiB for each.
const STACK: usize = 64 << 20;
/// Levels of lists and maps that are written as JSON.
const MOST_DEPTH: usize = 32;
/// What a template is tried with when a model is opened.
const TRIAL: &str = "0f5c7b1a";
/// The system's message in that trial.
const TRIAL_PERSONA: &str = "9d24e836";

/// The settings of a tokenizer that templates are about.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenizerConfig {
	/// A text, or a list of `name` and `template`.
	chat_template: serde_json::Value,
	/// The tokens are texts, or objects with `content`.
	bos_token: serde_json::Value,
	eos_token: serde_json::Value,
	pad_token: serde_json::Value,
	unk_token: serde_json::Value,
}

#[derive(Deserialize)]
struct TemplateFile {
	chat_template: serde_json::Value,
}

/// The text of a template: one, or of several that named `default`.
fn template_text(value: &serde_json::Value) -> Option<&str> {
	let named = || {
		let is_default = |entry: &&serde_json::Value| entry.get("name").is_some_and(|name| name == "default");
		value.as_array()?.iter().find(is_default)?.get("template")?.as_str()
	};
	value.as_str().or_else(named)
}

/// A compiled template and the tokens that it may name.
pub struct ChatTemplate {
	environment: Environment<'static>,
	tokens: BTreeMap<&'static str, String>,
	takes_persona: bool,
}

impl ChatTemplate {
	/// Whether a folder has the files of a tokenizer in which a template may be.
	pub fn may_be_in(folder: &ModelFolder) -> bool {
		folder.has("chat_template.jinja") || folder.has("tokenizer_config.json")
	}

	/// Compiles the template of a folder, that of `chat_template.jinja`, of `tokenizer_config.json` or of
	/// `chat_template.json`, and tries it.
	pub fn open(folder: &ModelFolder) -> Result<Self, EngineError> {
		let config: TokenizerConfig = tokenizer::settings(folder, "")?;
		let (path, source) = Self::source(folder, &config)?;
		let mut tokens = BTreeMap::new();
		for (name, value) in [
			("bos_token", &config.bos_token),
			("eos_token", &config.eos_token),
			("pad_token", &config.pad_token),
			("unk_token", &config.unk_token),
		] {
			if let Some(token) = value.as_str().or_else(|| value.get("content")?.as_str()) {
				tokens.insert(name, token.to_owned());
			}
		}
		Self::new(&source, tokens).map_err(|why| EngineError::Unsupported { path, why })
	}

	/// The file and the text of a folder's template.
	fn source(folder: &ModelFolder, config: &TokenizerConfig) -> Result<(PathBuf, String), EngineError> {
		if folder.has("chat_template.jinja") {
			let path = folder.path("chat_template.jinja")?;
			return match String::from_utf8(folder.read("chat_template.jinja")?) {
				Ok(source) => Ok((path, source)),
				Err(error) => Err(EngineError::Unsupported { path, why: format!("the chat template: {error}") }),
			};
		}
		let path = folder.path("tokenizer_config.json")?;
		if let Some(source) = template_text(&config.chat_template) {
			return Ok((path, source.to_owned()));
		}
		if folder.has("chat_template.json") {
			let file: TemplateFile = folder.json("chat_template.json")?;
			if let Some(source) = template_text(&file.chat_template) {
				return Ok((folder.path("chat_template.json")?, source.to_owned()));
			}
		}
		let why = "it has no chat_template, and the model no chat.json: one of them has to say how a message becomes a prompt";
		Err(EngineError::Unsupported { path, why: why.into() })
	}

	/// Compiles a template. `tokens` are its variables `bos_token`, `eos_token` and so on.
	///
	/// Fails with the reason when it is no template, asks for what there is not, or leaves out what the user says.
	pub fn new(source: &str, tokens: BTreeMap<&'static str, String>) -> Result<Self, String> {
		if source.len() > MOST_SOURCE {
			return Err(format!("the chat template has {} bytes, at most {MOST_SOURCE} are read", source.len()));
		}
		check_namespaces(source).map_err(|why| format!("the chat template: {why}"))?;
		let mut environment = Environment::new();
		environment.set_recursion_limit(MOST_CALLS);
		environment.set_auto_escape_callback(|_| AutoEscape::None);
		environment.set_trim_blocks(true);
		environment.set_lstrip_blocks(true);
		environment.set_fuel(Some(FUEL));
		environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
		environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
			Err(Error::new(ErrorKind::InvalidOperation, message))
		});
		environment.add_filter("tojson", to_json);
		// What they print is the library's own view of a value, which is nobody's to rely on.
		environment.remove_global("debug");
		environment.remove_filter("pprint");
		environment
			.add_template_owned("chat", without_generation_blocks(source))
			.map_err(|error| format!("the chat template: {error}"))?;
		let mut template = Self { environment, tokens, takes_persona: false };
		let prompt = template.render(None, TRIAL).map_err(|error| {
			let error = error.to_string();
			let date = "the chat template asks for the date (strftime_now), which is another one on every machine: take it out, \
				or write a chat.json";
			match error.contains("strftime_now") {
				true => date.to_owned(),
				false => format!("the chat template fails: {error}"),
			}
		})?;
		if !prompt.contains(TRIAL) {
			return Err("the chat template leaves out what the user says".into());
		}
		template.takes_persona =
			template.render(Some(TRIAL_PERSONA), TRIAL).is_ok_and(|prompt| prompt.contains(TRIAL_PERSONA));
		Ok(template)
	}

	/// The text of the token that ends a message, where the tokenizer names one.
	pub fn end_of_message(&self) -> Option<&str> {
		self.tokens.get("eos_token").map(String::as_str)
	}

	/// Whether a persona can be the system's message. Some templates have no place for it.
	pub fn takes_persona(&self) -> bool {
		self.takes_persona
	}

	/// The prompt in which a user says `text` to `persona`, up to where the reply begins. A persona for which the template has
	/// no place is left out.
	pub fn prompt(&self, persona: Option<&str>, text: &str) -> Result<String, JobFault> {
		self.render(persona.filter(|_| self.takes_persona), text)
			.map_err(|error| JobFault::InputInvalid(format!("the chat template refuses the prompt: {error}")))
	}

	fn render(&self, persona: Option<&str>, text: &str) -> Result<String, Error> {
		let message = |role: &str, content: &str| -> Value {
			[("role", Value::from(role)), ("content", Value::from(content))].into_iter().collect()
		};
		let system = persona.map(|persona| message("system", persona));
		let messages: Value = system.into_iter().chain([message("user", text)]).collect();
		let mut variables = BTreeMap::from([
			("messages", messages),
			("add_generation_prompt", Value::from(true)),
			("tools", Value::from(())),
			("documents", Value::from(())),
		]);
		variables.extend(self.tokens.iter().map(|(name, token)| (*name, Value::from(token.as_str()))));
		let run = || self.run(&variables);
		thread::scope(|scope| match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run) {
			// The library gives up in ways that would end the process.
			Ok(thread) => thread.join().unwrap_or_else(|_| {
				Err(Error::new(ErrorKind::InvalidOperation, "the template library cannot go on with it"))
			}),
			// A machine without room for a stack that hardly any template needs.
			Err(_) => run(),
		})
	}

	fn run(&self, variables: &BTreeMap<&str, Value>) -> Result<String, Error> {
		let mut prompt = Bounded(Vec::new());
		let outcome = self.environment.get_template("chat")?.render_captured_to(variables, &mut prompt).map(drop);
		if prompt.0.len() > MOST_PROMPT {
			let why = format!("it makes a prompt of more than {MOST_PROMPT} bytes");
			return Err(Error::new(ErrorKind::InvalidOperation, why));
		}
		outcome?;
		String::from_utf8(prompt.0).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
	}
}

/// A prompt that ends when it is too long.
struct Bounded(Vec<u8>);

impl Write for Bounded {
	fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
		// One more than there may be shows that there were too many.
		let room = (MOST_PROMPT + 1).saturating_sub(self.0.len());
		let taken = bytes.len().min(room);
		self.0.extend(bytes.iter().take(taken));
		match taken < bytes.len() {
			true => Err(io::ErrorKind::FileTooLarge.into()),
			false => Ok(taken),
		}
	}

	fn flush(&mut self) -> io::Result<()> {
		Ok(())
	}
}

/// What stands in the tags of a template: their marks, names, and single characters, of which `"` stands for any text.
fn tokens(source: &str) -> Vec<&str> {
	let (mut tokens, mut rest) = (Vec::new(), source);
	while let Some((_, behind)) = rest.split_once('{') {
		let (mark, end) = match behind.as_bytes().first() {
			Some(b'%') => ("{%", "%}"),
			Some(b'{') => ("{{", "}}"),
			Some(b'#') => {
				rest = behind.split_at(1).1.split_once("#}").map_or("", |(_, after)| after);
				continue;
			}
			_ => {
				rest = behind;
				continue;
			}
		};
		tokens.push(mark);
		rest = behind.split_at(1).1;
		let mut open = 0;
		loop {
			rest = rest.trim_start();
			let behind = rest.strip_prefix(['-', '+']).unwrap_or(rest);
			if let Some(after) = behind.strip_prefix(end).filter(|_| open == 0) {
				tokens.push(end);
				rest = after;
				break;
			}
			let Some(first) = rest.chars().next() else { return tokens };
			let length = match first {
				'"' | '\'' => {
					let mut escaped = false;
					let ends = |c: char| {
						let ends = c == first && !escaped;
						escaped = c == '\\' && !escaped;
						ends
					};
					let Some(inner) = rest.get(1..).and_then(|inner| inner.find(ends)) else { return tokens };
					inner + 2
				}
				'_' | 'a'..='z' | 'A'..='Z' => {
					rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
				}
				other => other.len_utf8(),
			};
			let Some((token, after)) = rest.split_at_checked(length) else { return tokens };
			match first {
				'(' | '[' | '{' => open += 1,
				')' | ']' | '}' => open -= 1,
				_ => {}
			}
			tokens.push(if matches!(first, '"' | '\'') { "\"" } else { token });
			rest = after;
		}
	}
	tokens
}

/// Whether no namespace of a template can get into itself: whoever reads one that is would never come to an end. That is so
/// when each has one name, which stands for nothing but its attributes.
fn check_namespaces(source: &str) -> Result<(), String> {
	let tokens: Vec<&str> = tokens(source).into_iter().filter(|token| !matches!(*token, "-" | "+")).collect();
	let at = |i: usize| tokens.get(i).copied().unwrap_or_default();
	let is_made = |i: usize| at(i) == "{%" && at(i + 1) == "set" && at(i + 3) == "=" && at(i + 4) == "namespace";
	let mut names = BTreeSet::new();
	for (i, token) in tokens.iter().enumerate() {
		match *token {
			"{%" if at(i + 1) == "raw" => return Err("a raw block is not supported".into()),
			"{%" if is_made(i) && at(i + 5) == "(" => {
				names.insert(at(i + 2));
			}
			"namespace" if i < 4 || !is_made(i - 4) || at(i + 1) != "(" => {
				return Err("namespace(…) is supported right behind {% set NAME = alone".into());
			}
			_ => {}
		}
	}
	for (i, token) in tokens.iter().enumerate().filter(|(_, token)| names.contains(*token)) {
		let is_attribute = i > 0 && at(i - 1) == ".";
		let is_read = matches!(at(i + 1), "." | "is");
		if !(is_attribute || is_read || i > 1 && is_made(i - 2)) {
			return Err(format!("the namespace {:?} is used as a value, its attributes alone can be", shown(token)));
		}
	}
	Ok(())
}

/// A template with its `generation` blocks, which mark what is trained on and print their contents, as blocks that are always
/// there: the dashes that take out white space stay where they are.
fn without_generation_blocks(source: &str) -> String {
	let (mut out, mut rest) = (String::with_capacity(source.len()), source);
	while let Some(at) = rest.find("{%") {
		let (before, tag) = rest.split_at(at);
		let (tag, after) = tag.split_at(tag.find("%}").map_or(tag.len(), |end| end + "%}".len()));
		let inner = tag.trim_start_matches("{%").trim_end_matches("%}");
		out.push_str(before);
		match inner.trim_matches(|c: char| matches!(c, '-' | '+')).trim() {
			"generation" => out.push_str(&tag.replacen("generation", "if true", 1)),
			"endgeneration" => out.push_str(&tag.replacen("endgeneration", "endif", 1)),
			_ => out.push_str(tag),
		}
		rest = after;
	}
	out.push_str(rest);
	out
}

/// The filter `tojson` of transformers, which is Python's `json.dumps` with `ensure_ascii=False`: its spaces, and the order
/// in which keys were put in.
fn to_json(value: Value, indent: Option<Value>, options: Kwargs) -> Result<String, Error> {
	let indent: Option<Value> = match indent {
		Some(indent) => Some(indent),
		None => options.get("indent")?,
	};
	let indent = indent.filter(|indent| !indent.is_none()).map(usize::try_from).transpose()?;
	let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
	options.assert_all_used()?;
	if ensure_ascii == Some(true) {
		return Err(Error::new(ErrorKind::InvalidOperation, "tojson: ensure_ascii is not supported"));
	}
	if indent.is_some_and(|indent| indent > MOST_DEPTH) {
		return Err(Error::new(ErrorKind::InvalidOperation, format!("tojson: indent is above {MOST_DEPTH}")));
	}
	let mut out = String::new();
	write_json(&mut out, &value, indent, 0)?;
	Ok(out)
}

fn write_json(out: &mut String, value: &Value, indent: Option<usize>, depth: usize) -> Result<(), Error> {
	if depth > MOST_DEPTH {
		return Err(Error::new(ErrorKind::InvalidOperation, format!("tojson: more than {MOST_DEPTH} levels")));
	}
	let line = |out: &mut String, depth: usize| {
		if let Some(indent) = indent {
			out.push('\n');
			out.extend(std::iter::repeat_n(' ', indent * depth));
		}
	};
	// Python has no space behind a comma that ends a line.
	let comma = if indent.is_some() { "," } else { ", " };
	match value.kind() {
		ValueKind::None => out.push_str("null"),
		ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
		ValueKind::Number => out.push_str(&value.to_string()),
		ValueKind::String => write_text(out, value)?,
		ValueKind::Seq | ValueKind::Iterable => {
			out.push('[');
			let mut count = 0;
			for item in value.try_iter()? {
				out.push_str(if count > 0 { comma } else { "" });
				line(out, depth + 1);
				write_json(out, &item, indent, depth + 1)?;
				count += 1;
			}
			if count > 0 {
				line(out, depth);
			}
			out.push(']');
		}
		ValueKind::Map => {
			out.push('{');
			let mut count = 0;
			for key in value.try_iter()? {
				out.push_str(if count > 0 { comma } else { "" });
				line(out, depth + 1);
				write_text(out, &key)?;
				out.push_str(": ");
				write_json(out, &value.get_item(&key)?, indent, depth + 1)?;
				count += 1;
			}
			if count > 0 {
				line(out, depth);
			}
			out.push('}');
		}
		other => {
			return Err(Error::new(ErrorKind::InvalidOperation, format!("tojson: {other} has no form in JSON")));
		}
	}
	Ok(())
}

/// A value between quotes.
fn write_text(out: &mut String, value: &Value) -> Result<(), Error> {
	let text = serde_json::to_string(&value.to_string())
		.map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("tojson: {error}")))?;
	out.push_str(&text);
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	/// As Qwen 2 has it, without tools.
	const CHATML: &str = "{%- if messages[0]['role'] == 'system' %}\n    {{- '<|im_start|>system\\n' + \
		messages[0]['content'] + '<|im_end|>\\n' }}\n{%- else %}\n    {{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' \
		}}\n{%- endif %}\n{%- for message in messages %}\n    {%- if (message.role == \"user\") or (message.role == \"system\" \
		and not loop.first) %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' \
		}}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif \
		%}\n";
	/// As Llama 2 has it: no dashes, so that the blocks' own lines must go.
	const BRACKETS: &str = "{% if messages[0]['role'] == 'system' %}\n{% set loop_messages = messages[1:] %}\n{% set \
		system_message = messages[0]['content'] %}\n{% else %}\n{% set loop_messages = messages %}\n{% set system_message = \
		false %}\n{% endif %}\n  {% for message in loop_messages %}\n{% if (message['role'] == 'user') != (loop.index0 % 2 == \
		0) %}\n{{ raise_exception('Conversation roles must alternate') }}\n{% endif %}\n{% if loop.index0 == 0 and \
		system_message != false %}\n{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] \
		%}\n{% else %}\n{% set content = message['content'] %}\n{% endif %}\n{{ bos_token + '[INST] ' + content.strip() + \
		' [/INST]' }}\n{% endfor %}";

	fn tokens() -> BTreeMap<&'static str, String> {
		BTreeMap::from([("bos_token", "<s>".to_owned()), ("eos_token", "</s>".to_owned())])
	}

	fn template(source: &str) -> ChatTemplate {
		ChatTemplate::new(source, tokens()).unwrap()
	}

	fn refused(source: &str) -> String {
		ChatTemplate::new(source, tokens()).err().expect("the template must be refused")
	}

	#[test]
	fn prompt_should_be_what_transformers_makes_of_a_template() {
		let chatml = template(CHATML);
		let expected = "<|im_start|>system\nYou are helpful.<|im_end|>\n<|im_start|>user\nHi <b>\n<|im_end|>\n\
			<|im_start|>assistant\n";
		assert_eq!(chatml.prompt(None, "Hi <b>\n").unwrap(), expected);
		let expected = "<|im_start|>system\nwry<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
		assert_eq!(chatml.prompt(Some("wry"), "Hi").unwrap(), expected);
		assert!(chatml.takes_persona());

		let brackets = template(BRACKETS);
		assert_eq!(brackets.prompt(None, " Hi ").unwrap(), "<s>[INST] Hi [/INST]\n");
		assert_eq!(brackets.prompt(Some("wry"), "Hi").unwrap(), "<s>[INST] <<SYS>>\nwry\n<</SYS>>\n\nHi [/INST]\n");
		assert_eq!(brackets.end_of_message(), Some("</s>"));
	}

	#[test]
	fn template_should_not_know_the_date() {
		let asks = "{{ strftime_now('%d %b %Y') }}{{ messages[0].content }}";
		assert!(refused(asks).contains("strftime_now"), "{}", refused(asks));
		let can_do_without =
			"{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}26 Jul 2024{% endif %} {{ \
			messages[0].content }}";
		assert_eq!(template(can_do_without).prompt(None, "Hi").unwrap(), "26 Jul 2024 Hi");
	}

	#[test]
	fn template_should_be_refused_when_it_cannot_make_a_prompt() {
		for (source, why) in [
			("{% for message in messages %}{{ message.content }}", "the chat template: syntax error"),
			("{{ messages[0].content | unheard_of }}", "unknown filter"),
			("{{ messages | pprint }}", "unknown filter"),
			("{{ debug() }}{{ messages[0].content }}", "debug"),
			("Hello.", "leaves out what the user says"),
			("{{ raise_exception('Only tools') }}", "Only tools"),
			("{% include 'other' %}", "the chat template"),
		] {
			let error = refused(source);
			assert!(error.contains(why), "{error}");
		}
	}

	#[test]
	fn template_should_end_when_it_does_too_much() {
		let endless = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
		assert!(refused(endless).contains("fuel"), "{}", refused(endless));
		let deep = "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}{{ messages[0].content }}";
		assert!(refused(deep).contains("recursion"), "{}", refused(deep));
		let long = "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}{{ messages[0].content }}";
		assert!(refused(long).contains("more than 1048576 bytes"), "{}", refused(long));
		let source = format!("{{{{ messages[0].content }}}}{}", " ".repeat(MOST_SOURCE));
		assert!(refused(&source).contains("at most 262144 are read"), "{}", refused(&source));
	}

	#[test]
	fn template_should_not_overflow_the_stack_when_it_puts_lists_into_lists() {
		for deeper in ["[ns.x]", "{'a': ns.x}", "[ns.x, 1]"] {
			let looped = format!("{{% set ns.x = {deeper} %}}");
			let source = format!(
				"{{% set ns = namespace(x=[]) %}}{{% for a in range(2500) %}}{looped}{{% endfor %}}{{{{ messages[0].content }}}}"
			);
			assert_eq!(template(&source).prompt(None, "Hi").unwrap(), "Hi");
			let shown = source.replace("{{ messages", "{{ ns.x }}{{ messages");
			// Whatever becomes of it, there is an answer.
			let _ = ChatTemplate::new(&shown, tokens());
		}
	}

	#[test]
	fn namespace_should_be_refused_when_it_can_get_into_itself() {
		let made = "{%- set ns = namespace(n=0, said='it is {{ ns }}') -%}";
		let counts = "{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content ~ ns.n }}{% endfor %}";
		let asks = "{# ns #}{% if ns is defined and not {'ns': 1}.ns == ns.n %}{{ ns.said }}{% endif %}";
		let prompt = template(&[made, counts, asks].concat()).prompt(None, "Hi").unwrap();
		assert_eq!(prompt, "Hi1");
		for (circle, why) in [
			("{% set ns.x = ns %}{{ ns }}", "the namespace \"ns\" is used as a value"),
			("{% set ns.x = [ ns ] %}", "the namespace \"ns\" is used as a value"),
			("{% for ns in [1] %}{% endfor %}", "the namespace \"ns\" is used as a value"),
			("{% set other = namespace %}", "right behind {% set NAME = alone"),
			("{% set other = [namespace()] %}", "right behind {% set NAME = alone"),
			("{{ namespace() }}", "right behind {% set NAME = alone"),
			("{% raw %}{{ ' {% endraw %}{% set ns.x = ns %}{{ ns }}", "a raw block"),
			("{{ {'a': '}}'} }}{{ \"\\\"\" }}{{ ns }}", "the namespace \"ns\" is used as a value"),
		] {
			let error = refused(&[made, circle, "{{ messages[0].content }}"].concat());
			assert!(error.contains(why), "{circle}: {error}");
		}
	}

	#[test]
	fn persona_should_be_left_out_when_the_template_refuses_or_forgets_it() {
		let refuses =
			"{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system') }}{% endif %}{{ \
			m.content }}{% endfor %}";
		let forgets = "{{ messages[-1].content }}";
		for source in [refuses, forgets] {
			let template = template(source);
			assert!(!template.takes_persona());
			assert_eq!(template.prompt(Some("wry"), "Hi").unwrap(), "Hi");
		}
	}

	#[test]
	fn prompt_should_be_invalid_when_the_template_raises() {
		let short = "{% if messages[0].content | length > 9 %}{{ raise_exception('too long') }}{% endif %}{{ \
			messages[0].content }}";
		let fault = template(short).prompt(None, "0123456789").unwrap_err();
		assert!(matches!(fault, JobFault::InputInvalid(_)) && fault.to_string().contains("too long"), "{fault}");
	}

	#[test]
	fn generation_blocks_should_print_what_is_in_them() {
		let source = "a {%- generation -%} b {%- endgeneration %} {% generationx %}";
		assert_eq!(without_generation_blocks(source), "a {%- if true -%} b {%- endif %} {% generationx %}");
		assert_eq!(without_generation_blocks("{% if"), "{% if");
		let marked = "{{ messages[0].content }} {%- generation -%} c {%- endgeneration -%}";
		assert_eq!(template(marked).prompt(None, "Hi").unwrap(), "Hic");
	}

	#[test]
	fn json_should_be_written_as_python_writes_it() {
		let json = |expression: &str| {
			let source = ["{{ ", expression, " }}|{{ messages[0].content }}"].concat();
			template(&source).prompt(None, "x").unwrap().strip_suffix("|x").unwrap().to_owned()
		};
		let map = "{'b': [1, 2.5, none], 'a': {'é\\n\"': true}, 'c': [], 'd': {} }";
		let expected = "{\"b\": [1, 2.5, null], \"a\": {\"é\\n\\\"\": true}, \"c\": [], \"d\": {}}";
		assert_eq!(json(&format!("{map} | tojson")), expected);
		assert_eq!(json("{'a': [1, 2]} | tojson(indent=2)"), "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
		assert_eq!(json("'<b>&' | tojson(ensure_ascii=false)"), "\"<b>&\"");
	}
}
