//! The worker's key: an encrypted keystore file in the form of polkadot.js, or a secret URI from the environment.
//!
//! A secret never comes from the command line, where other users of the machine could read it.

use std::{
	fs,
	io::Write,
	os::unix::fs::{OpenOptionsExt, PermissionsExt},
	path::{Path, PathBuf},
	str::FromStr,
	time::{SystemTime, UNIX_EPOCH},
};

use base64::{engine::general_purpose::STANDARD, Engine as _};
use crypto_secretbox::{
	aead::{Aead, KeyInit},
	Key, Nonce, XSalsa20Poly1305,
};
use sha2::{Digest as _, Sha512};
use subxt_signer::{polkadot_js_compat, sr25519::Keypair, SecretUri};
use zeroize::Zeroizing;

use crate::{chain::AccountId, config::KeysConfig};

/// Environment variable with the password of the keystore.
pub const PASSWORD_VAR: &str = "AUTONOMY_KEY_PASSWORD";
/// Environment variable with the worker's secret URI, for development.
pub const SURI_VAR: &str = "AUTONOMY_WORKER_SURI";

/// scrypt as polkadot.js sets it: N = 2^15, r = 8, p = 1.
const SCRYPT_LOG_N: u8 = 15;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 1;
const PKCS8_HEADER: [u8; 16] = [48, 83, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
const PKCS8_DIVIDER: [u8; 5] = [161, 35, 3, 33, 0];
/// salt, N, p, r and nonce.
const HEADER_BYTES: usize = 32 + 12 + 24;
const PLAIN_BYTES: usize = 16 + 64 + 5 + 32;

/// What is wrong with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
	/// No source of a key was configured.
	#[error(
		"no worker key: set keys.file to a keystore (make one with `autonomy-worker keys generate FILE`) or the variable {SURI_VAR}"
	)]
	Missing,
	/// A secret file that others can read.
	#[error("{path} has mode {mode:04o}: a secret file must have mode 0600; run `chmod 600 {path}`", path = .path.display())]
	Mode {
		/// The file.
		path: PathBuf,
		/// Its permission bits.
		mode: u32,
	},
	/// No password for the keystore.
	#[error("no password for {0}: set {PASSWORD_VAR} or keys.password_file")]
	NoPassword(PathBuf),
	/// The password does not open the file.
	#[error("the password does not open {0}")]
	WrongPassword(PathBuf),
	/// Not a keystore.
	#[error("{0} is not a keystore of polkadot.js with an sr25519 key: {1}")]
	Malformed(PathBuf, String),
	/// The secret URI cannot be read.
	#[error("{0} does not hold a secret URI (a phrase, 0x and 64 hexadecimal digits, or //Name): {1}")]
	Uri(String, String),
	/// Not one of the well-known keys.
	#[error("'{0}' is no development key; known: alice, bob, charlie, dave, eve, ferdie")]
	UnknownDev(String),
	/// The file exists.
	#[error("{0} exists already; a key is never overwritten")]
	Exists(PathBuf),
	/// The password is too short to protect a key.
	#[error("the password has {0} characters, at least {MIN_PASSWORD} are needed")]
	WeakPassword(usize),
	/// Reading or writing failed.
	#[error("{0}: {1}")]
	Io(PathBuf, std::io::Error),
	/// The system has no randomness.
	#[error("no randomness from the system: {0}")]
	Random(String),
}

/// Fewest characters of a keystore's password.
pub const MIN_PASSWORD: usize = 8;

/// The account of a key pair.
pub fn account(pair: &Keypair) -> AccountId {
	AccountId::from(pair.public_key().0)
}

/// Refuses a file that anyone but its owner can read or write.
pub fn check_mode(path: &Path) -> Result<(), KeyError> {
	let mode = fs::metadata(path).map_err(|e| KeyError::Io(path.into(), e))?.permissions().mode() & 0o7777;
	if mode != 0o600 {
		return Err(KeyError::Mode { path: path.into(), mode });
	}
	Ok(())
}

/// The worker's key from the secret URI in the environment, or else from the configured keystore.
pub fn load(config: &KeysConfig) -> Result<Keypair, KeyError> {
	if std::env::var_os(SURI_VAR).is_some() {
		return from_env(SURI_VAR);
	}
	load_keystore(config, std::env::var(PASSWORD_VAR).ok())
}

fn load_keystore(config: &KeysConfig, from_env: Option<String>) -> Result<Keypair, KeyError> {
	let file = config.file.as_deref().ok_or(KeyError::Missing)?;
	check_mode(file)?;
	let password = choose_password(file, config.password_file.as_deref(), from_env)?;
	open(file, &password)
}

/// The password of a keystore, from the environment or a file of mode 0600 (a final line break is dropped).
pub fn password(keystore: &Path, file: Option<&Path>) -> Result<Zeroizing<String>, KeyError> {
	choose_password(keystore, file, std::env::var(PASSWORD_VAR).ok())
}

fn choose_password(
	keystore: &Path,
	file: Option<&Path>,
	from_env: Option<String>,
) -> Result<Zeroizing<String>, KeyError> {
	if let Some(password) = from_env {
		return Ok(Zeroizing::new(password));
	}
	let file = file.ok_or_else(|| KeyError::NoPassword(keystore.into()))?;
	check_mode(file)?;
	let text = Zeroizing::new(fs::read_to_string(file).map_err(|e| KeyError::Io(file.into(), e))?);
	Ok(Zeroizing::new(text.strip_suffix('\n').unwrap_or(&text).to_string()))
}

/// The key of a secret URI in an environment variable.
pub fn from_env(variable: &str) -> Result<Keypair, KeyError> {
	let text = Zeroizing::new(
		std::env::var(variable).map_err(|e| KeyError::Uri(format!("the variable {variable}"), e.to_string()))?,
	);
	from_uri(&text).map_err(|e| KeyError::Uri(format!("the variable {variable}"), e))
}

fn from_uri(text: &str) -> Result<Keypair, String> {
	let uri = SecretUri::from_str(text).map_err(|e| e.to_string())?;
	Keypair::from_uri(&uri).map_err(|e| e.to_string())
}

/// One of the six well-known development keys, by name in any case.
pub fn dev(name: &str) -> Result<Keypair, KeyError> {
	let lower = name.trim_start_matches('/').to_lowercase();
	let known = ["alice", "bob", "charlie", "dave", "eve", "ferdie"];
	let (first, rest) = match lower.split_at_checked(1) {
		Some(parts) if known.contains(&lower.as_str()) => parts,
		_ => return Err(KeyError::UnknownDev(name.into())),
	};
	let uri = format!("//{}{rest}", first.to_uppercase());
	from_uri(&uri).map_err(|e| KeyError::Uri(uri, e))
}

/// Decrypts a keystore. The file's mode is the caller's business.
pub fn open(file: &Path, password: &str) -> Result<Keypair, KeyError> {
	let json = fs::read_to_string(file).map_err(|e| KeyError::Io(file.into(), e))?;
	let malformed = |why: String| KeyError::Malformed(file.into(), why);
	// subxt-signer slices the header without looking at the length.
	let value: serde_json::Value = serde_json::from_str(&json).map_err(|e| malformed(e.to_string()))?;
	let encoded = value.get("encoded").and_then(|v| v.as_str()).unwrap_or_default();
	let length = STANDARD.decode(encoded).map_err(|e| malformed(e.to_string()))?.len();
	if length < HEADER_BYTES {
		return Err(malformed(format!("{length} bytes of cipher text, at least {HEADER_BYTES} are needed")));
	}
	polkadot_js_compat::decrypt_json(&json, password).map_err(|error| match error {
		polkadot_js_compat::Error::Secretbox(_) => KeyError::WrongPassword(file.into()),
		other => malformed(other.to_string()),
	})
}

/// The address in a keystore, which is not secret.
pub fn address(file: &Path) -> Result<AccountId, KeyError> {
	let json = fs::read_to_string(file).map_err(|e| KeyError::Io(file.into(), e))?;
	let malformed = |why: String| KeyError::Malformed(file.into(), why);
	let value: serde_json::Value = serde_json::from_str(&json).map_err(|e| malformed(e.to_string()))?;
	let text = value.get("address").and_then(|v| v.as_str()).ok_or_else(|| malformed("no address".into()))?;
	text.parse().map_err(|e| malformed(format!("address: {e}")))
}

/// Makes a new key and writes it encrypted, with mode 0600, into a file that must not exist.
pub fn generate(file: &Path, password: &str) -> Result<AccountId, KeyError> {
	let mut seed = Zeroizing::new([0u8; 32]);
	getrandom::fill(seed.as_mut()).map_err(|e| KeyError::Random(e.to_string()))?;
	write(file, &seed, password)
}

/// Writes the key of a 32-byte seed as an encrypted keystore.
fn write(file: &Path, seed: &[u8; 32], password: &str) -> Result<AccountId, KeyError> {
	let length = password.chars().count();
	if length < MIN_PASSWORD {
		return Err(KeyError::WeakPassword(length));
	}
	let json = seal(seed, password)?;
	let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|e| {
		if e.kind() == std::io::ErrorKind::AlreadyExists {
			KeyError::Exists(file.into())
		} else {
			KeyError::Io(file.into(), e)
		}
	})?;
	out.write_all(json.1.as_bytes()).and_then(|()| out.sync_all()).map_err(|e| KeyError::Io(file.into(), e))?;
	Ok(json.0)
}

/// The JSON of a keystore, as @polkadot/keyring's `createFromUri(..).toJson(password)` writes it.
fn seal(seed: &[u8; 32], password: &str) -> Result<(AccountId, String), KeyError> {
	let random = |out: &mut [u8]| getrandom::fill(out).map_err(|e| KeyError::Random(e.to_string()));
	let pair = Keypair::from_secret_key(*seed).map_err(|e| KeyError::Uri("the seed".into(), e.to_string()))?;
	let public = pair.public_key().0;

	let mut plain = Zeroizing::new(Vec::with_capacity(PLAIN_BYTES));
	plain.extend_from_slice(&PKCS8_HEADER);
	plain.extend_from_slice(expand(seed).as_ref());
	plain.extend_from_slice(&PKCS8_DIVIDER);
	plain.extend_from_slice(&public);

	let (mut salt, mut nonce) = ([0u8; 32], [0u8; 24]);
	random(&mut salt)?;
	random(&mut nonce)?;
	let mut key = Zeroizing::new([0u8; 32]);
	let params = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P, 32).expect("polkadot.js's parameters are valid");
	scrypt::scrypt(password.as_bytes(), &salt, &params, key.as_mut()).expect("32 bytes is a valid key length");
	let cipher = XSalsa20Poly1305::new(Key::from_slice(key.as_ref()));
	let sealed = cipher.encrypt(Nonce::from_slice(&nonce), plain.as_slice()).expect("a short message always encrypts");

	let mut encoded = Vec::with_capacity(HEADER_BYTES + sealed.len());
	encoded.extend_from_slice(&salt);
	for number in [1u32 << SCRYPT_LOG_N, SCRYPT_P, SCRYPT_R] {
		encoded.extend_from_slice(&number.to_le_bytes());
	}
	encoded.extend_from_slice(&nonce);
	encoded.extend_from_slice(&sealed);

	let account = account(&pair);
	let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
	let json = serde_json::json!({
		"encoded": STANDARD.encode(encoded),
		"encoding": { "content": ["pkcs8", "sr25519"], "type": ["scrypt", "xsalsa20-poly1305"], "version": "3" },
		"address": account.to_string(),
		"meta": { "name": "autonomy-worker", "whenCreated": created },
	});
	Ok((account, format!("{json:#}\n")))
}

/// The 64 secret bytes of a seed in ed25519 form: clamped scalar and nonce, as schnorrkel's `to_ed25519_bytes` gives.
fn expand(seed: &[u8; 32]) -> Zeroizing<[u8; 64]> {
	let mut out = Zeroizing::new([0u8; 64]);
	out.copy_from_slice(&Sha512::digest(seed));
	out[0] &= 248;
	out[31] &= 63;
	out[31] |= 64;
	out
}

#[cfg(test)]
mod tests {
	use super::*;

	const PASSWORD: &str = "correct horse";

	fn keystore(dir: &tempfile::TempDir) -> PathBuf {
		dir.path().join("key.json")
	}

	#[test]
	fn keystore_should_open_with_the_same_key_when_written() {
		let dir = tempfile::tempdir().unwrap();
		let file = keystore(&dir);
		let seed = [7; 32];
		let written = write(&file, &seed, PASSWORD).unwrap();
		let pair = open(&file, PASSWORD).unwrap();
		assert_eq!(account(&pair), written);
		assert_eq!(pair.public_key().0, Keypair::from_secret_key(seed).unwrap().public_key().0);
		assert_eq!(address(&file).unwrap(), written);
		assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
		// The other side of the format: polkadot.js's own reader, as subxt-signer has it.
		let json = fs::read_to_string(&file).unwrap();
		let message = b"worker";
		let theirs = polkadot_js_compat::decrypt_json(&json, PASSWORD).unwrap();
		assert!(subxt_signer::sr25519::verify(&theirs.sign(message), message, &pair.public_key()));
	}

	#[test]
	fn keystore_should_open_when_polkadot_js_wrote_it() {
		// `keyring.addFromUri('//Alice').toJson('whoisalice')` of polkadot.js.
		let json = r#"{"encoded": "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84IQ8oamLn9DZe9Ouhgunr7i36J1XxUnTI801axqL/ym1gil0U8440Qvj0lFVKwGuxq38zuifgoj0B3Yru0CI6QKEvQPU5xxj4MpyxdSxP+2PnTzYao0HDH0fulaGvlAYXfqtU89xrx2/z9z7IjSwS3oDFPXRQ9kAdDebtyCVreZ9Otw9v3",
			"encoding": {"content": ["pkcs8", "sr25519"], "type": ["scrypt", "xsalsa20-poly1305"], "version": "3"},
			"address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
			"meta": {"genesisHash": "", "name": "Alice", "whenCreated": 1718265838755}}"#;
		let dir = tempfile::tempdir().unwrap();
		fs::write(keystore(&dir), json).unwrap();
		let pair = open(&keystore(&dir), "whoisalice").unwrap();
		assert_eq!(account(&pair), account(&dev("alice").unwrap()));
	}

	#[test]
	fn keystore_should_be_refused_when_others_can_read_it() {
		let dir = tempfile::tempdir().unwrap();
		let file = keystore(&dir);
		generate(&file, PASSWORD).unwrap();
		for mode in [0o644, 0o640, 0o400, 0o700] {
			fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
			let error = load_keystore(&KeysConfig { file: Some(file.clone()), password_file: None }, None)
				.unwrap_err()
				.to_string();
			let path = file.display();
			assert!(error.contains(&format!("mode {mode:04o}")), "{error}");
			assert!(error.contains(&format!("chmod 600 {path}")), "{error}");
		}
	}

	#[test]
	fn password_file_should_be_refused_when_others_can_read_it() {
		let dir = tempfile::tempdir().unwrap();
		let (file, secret) = (keystore(&dir), dir.path().join("password"));
		let written = generate(&file, PASSWORD).unwrap();
		fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
		let config = KeysConfig { file: Some(file), password_file: Some(secret.clone()) };
		fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
		assert!(matches!(load_keystore(&config, None), Err(KeyError::Mode { mode: 0o644, .. })));
		fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
		assert_eq!(account(&load_keystore(&config, None).unwrap()), written);
		let wrong = load_keystore(&config, Some("from the environment".into()));
		assert!(matches!(wrong, Err(KeyError::WrongPassword(_))), "the environment takes precedence");
	}

	#[test]
	fn keystore_should_say_so_when_the_password_is_wrong() {
		let dir = tempfile::tempdir().unwrap();
		let file = keystore(&dir);
		generate(&file, PASSWORD).unwrap();
		assert!(matches!(open(&file, "incorrect horse"), Err(KeyError::WrongPassword(_))));
	}

	#[test]
	fn keystore_should_be_refused_when_it_is_damaged() {
		let dir = tempfile::tempdir().unwrap();
		let file = keystore(&dir);
		for text in ["", "{}", "[]", r#"{"encoded": "AAAA", "encoding": {}}"#, r#"{"encoded": "%%"}"#] {
			fs::write(&file, text).unwrap();
			assert!(matches!(open(&file, PASSWORD), Err(KeyError::Malformed(..))), "{text}");
		}
	}

	#[test]
	fn generate_should_refuse_when_the_file_exists_or_the_password_is_short() {
		let dir = tempfile::tempdir().unwrap();
		let file = keystore(&dir);
		assert!(matches!(generate(&file, "short"), Err(KeyError::WeakPassword(5))));
		assert!(!file.exists());
		let first = generate(&file, PASSWORD).unwrap();
		assert!(matches!(generate(&file, PASSWORD), Err(KeyError::Exists(_))));
		assert_eq!(address(&file).unwrap(), first);
	}

	#[test]
	fn dev_should_know_the_six_names_only() {
		assert_eq!(account(&dev("Alice").unwrap()).to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
		assert_eq!(account(&dev("//Bob").unwrap()).to_string(), "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");
		for name in ["", "mallory", "alice//stash"] {
			assert!(matches!(dev(name), Err(KeyError::UnknownDev(_))), "{name}");
		}
	}
}
