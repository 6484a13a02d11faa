//! A client of the chain: signs, waits for events, reads state at a block.

use std::{fmt, time::Duration};

use anyhow::{bail, Context, Result};
use subxt::{
	config::PolkadotExtrinsicParamsBuilder,
	dynamic::{At, Value},
	ext::scale_value::{Composite, Primitive, ValueDef},
	rpcs::{client::rpc_params, RpcClient},
	utils::AccountId32,
	OnlineClient, PolkadotConfig,
};
use subxt_signer::{sr25519::Keypair, SecretUri};

use crate::{AUTON, PATIENCE};

/// An account's 32 bytes.
pub type Account = [u8; 32];

/// An event of one block.
#[derive(Clone, Debug)]
pub struct Event {
	/// Number of the block.
	pub block: u64,
	/// Name of the pallet.
	pub pallet: String,
	/// Name of the event.
	pub name: String,
	/// Its fields by name.
	pub fields: Value,
}

impl Event {
	/// Whether it is this event of this pallet.
	pub fn is(&self, pallet: &str, name: &str) -> bool {
		self.pallet == pallet && self.name == name
	}

	/// A field; the test fails when there is none of this name.
	pub fn field(&self, name: &str) -> &Value {
		self.fields.at(name).unwrap_or_else(|| panic!("{self} has no field {name}"))
	}

	/// A field that is a number.
	pub fn number(&self, name: &str) -> u128 {
		number(self.field(name))
	}

	/// A field that is an account.
	pub fn account(&self, name: &str) -> Account {
		bytes(self.field(name)).try_into().unwrap_or_else(|_| panic!("{name} of {self} is no account"))
	}
}

impl fmt::Display for Event {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}.{} {} in block {}", self.pallet, self.name, self.fields, self.block)
	}
}

/// The number in a value, also in a wrapper of one field.
pub fn number(value: &Value) -> u128 {
	match &value.value {
		ValueDef::Primitive(Primitive::U128(n)) => *n,
		ValueDef::Composite(fields) if fields.len() == 1 => number(fields.values().next().expect("one field")),
		_ => panic!("{value} is no number"),
	}
}

/// What a job that became final paid to everybody together, in planck.
pub fn paid(end: &Event) -> u128 {
	list(end.field("payments"))
		.into_iter()
		.map(|payment| number(payment.at("amount").expect("a payment's amount")))
		.sum()
}

/// The bytes in a value: an array, a vector, or a wrapper around one.
pub fn bytes(value: &Value) -> Vec<u8> {
	match &value.value {
		ValueDef::Primitive(Primitive::U128(n)) => vec![u8::try_from(*n).expect("a byte")],
		ValueDef::Composite(fields) => fields.values().flat_map(bytes).collect(),
		_ => panic!("{value} is no bytes"),
	}
}

/// The name of an enum's variant.
pub fn variant(value: &Value) -> &str {
	match &value.value {
		ValueDef::Variant(variant) => &variant.name,
		_ => panic!("{value} is no variant"),
	}
}

/// The fields of a list.
pub fn list(value: &Value) -> Vec<&Value> {
	match &value.value {
		ValueDef::Composite(Composite::Unnamed(items)) => match items.as_slice() {
			// A bounded vector is a wrapper around the list.
			[one] if matches!(&one.value, ValueDef::Composite(Composite::Unnamed(inner)) if inner.iter().all(|i| matches!(i.value, ValueDef::Composite(_)))) => {
				list(one)
			}
			items => items.iter().collect(),
		},
		_ => panic!("{value} is no list"),
	}
}

/// A transaction that succeeded.
#[derive(Clone, Debug)]
pub struct Sent {
	/// Number of the block that has it.
	pub block: u64,
	/// Its events.
	pub events: Vec<Event>,
	/// What the signer paid for the transaction itself, in planck.
	pub fee: u128,
}

impl Sent {
	/// An event of the transaction, which must be there.
	pub fn event(&self, pallet: &str, name: &str) -> &Event {
		let seen = || self.events.iter().map(|e| format!("{}.{}", e.pallet, e.name)).collect::<Vec<_>>().join(", ");
		self.events.iter().find(|e| e.is(pallet, name)).unwrap_or_else(|| panic!("no {pallet}.{name} among {}", seen()))
	}
}

/// What an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
	/// Planck that it can spend.
	pub free: u128,
	/// Planck on hold.
	pub held: u128,
}

/// A connection to a node.
pub struct Client {
	api: OnlineClient<PolkadotConfig>,
	rpc: RpcClient,
}

/// The key of a secret URI such as `//Alice//e2e//requester`.
pub fn key(uri: &str) -> Keypair {
	let uri: SecretUri = uri.parse().expect("a secret URI");
	Keypair::from_uri(&uri).expect("a secret URI of an sr25519 key")
}

/// The account of a key.
pub fn account(key: &Keypair) -> Account {
	key.public_key().0
}

impl Client {
	/// Connects to a node.
	pub async fn connect(url: &str) -> Result<Self> {
		let what = || format!("connecting to {url}");
		let rpc = RpcClient::from_insecure_url(url).await.with_context(what)?;
		Ok(Self { api: OnlineClient::from_rpc_client(rpc.clone()).await.with_context(what)?, rpc })
	}

	/// Hash of the chain's first block.
	pub fn genesis(&self) -> [u8; 32] {
		self.api.genesis_hash().0
	}

	/// A key of this test alone with `amount` AUTON from Alice.
	pub async fn funded(&self, name: &str, amount: u128) -> Result<Keypair> {
		let key = key(&format!("//Alice//e2e//{name}"));
		self.fund(&account(&key), amount).await?;
		Ok(key)
	}

	/// Sends AUTON from Alice.
	pub async fn fund(&self, to: &Account, amount: u128) -> Result<()> {
		let to = Value::unnamed_variant("Id", [Value::from_bytes(to)]);
		let alice = key("//Alice");
		self.call("Balances", "transfer_keep_alive", vec![to, Value::u128(amount * AUTON)], &alice).await?;
		Ok(())
	}

	/// Sends each of these accounts AUTON from Alice, in one transaction.
	pub async fn fund_all(&self, accounts: &[(Account, u128)]) -> Result<()> {
		let transfer = |(to, amount): &(Account, u128)| {
			let dest = Value::unnamed_variant("Id", [Value::from_bytes(to)]);
			let fields = [("dest", dest), ("value", Value::u128(amount * AUTON))];
			Value::unnamed_variant("Balances", [Value::named_variant("transfer_keep_alive", fields)])
		};
		let calls = Value::unnamed_composite(accounts.iter().map(transfer));
		self.call("Utility", "batch_all", vec![calls], &key("//Alice")).await?;
		Ok(())
	}

	/// Signs a call, submits it and waits for its finality. A refusal is an error with the name that the pallet gives it.
	pub async fn call(&self, pallet: &str, call: &str, arguments: Vec<Value>, signer: &Keypair) -> Result<Sent> {
		let what = || format!("{pallet}.{call}");
		let payload = subxt::dynamic::transaction(pallet, call, arguments);
		// Asked from the node: the programs under test sign for the same accounts, and this client hears of their blocks
		// only after them.
		let address = AccountId32(account(signer)).to_string();
		let nonce: u64 = self.rpc.request("system_accountNextIndex", rpc_params![address]).await.with_context(what)?;
		let params = PolkadotExtrinsicParamsBuilder::<PolkadotConfig>::new().nonce(nonce).build();
		let progress = self
			.api
			.at_current_block()
			.await?
			.transactions()
			.sign_and_submit_then_watch(&payload, signer, params)
			.await
			.with_context(what)?;
		let included = tokio::time::timeout(PATIENCE, progress.wait_for_finalized())
			.await
			.with_context(what)?
			.with_context(what)?;
		let block = included.at().await?.block_number();
		let mut events = Vec::new();
		for event in included.wait_for_success().await.with_context(what)?.iter() {
			let event = event?;
			events.push(Event {
				block,
				pallet: event.pallet_name().into(),
				name: event.event_name().into(),
				fields: event.decode_fields_unchecked_as()?,
			});
		}
		let paid = events.iter().find(|e| e.is("TransactionPayment", "TransactionFeePaid"));
		let fee = paid.map_or(0, |e| e.number("actual_fee"));
		Ok(Sent { block, events, fee })
	}

	/// The events of a block.
	pub async fn events(&self, block: u64) -> Result<Vec<Event>> {
		let mut events = Vec::new();
		for event in self.api.at_block(block).await?.events().fetch().await?.iter() {
			let event = event?;
			events.push(Event {
				block,
				pallet: event.pallet_name().into(),
				name: event.event_name().into(),
				fields: event.decode_fields_unchecked_as()?,
			});
		}
		Ok(events)
	}

	/// The first event from block `from` on that matches, waiting for blocks as they are finalised.
	pub async fn wait_for(&self, from: u64, what: &str, matches: impl Fn(&Event) -> bool) -> Result<Event> {
		self.wait_for_within(PATIENCE, from, what, matches).await
	}

	/// [`Client::wait_for`] with a patience of its own.
	pub async fn wait_for_within(
		&self,
		patience: Duration,
		from: u64,
		what: &str,
		matches: impl Fn(&Event) -> bool,
	) -> Result<Event> {
		let mut next = from;
		let search = async {
			let mut blocks = self.api.stream_blocks().await?;
			while let Some(block) = blocks.next().await {
				let newest = block?.number();
				while next <= newest {
					if let Some(found) = self.events(next).await?.into_iter().find(&matches) {
						return Ok(found);
					}
					next += 1;
				}
			}
			bail!("the node ended the stream of blocks")
		};
		match tokio::time::timeout(patience, search).await {
			Ok(found) => found,
			Err(_) => bail!("no {what} from block {from} to {next} in {} s", patience.as_secs()),
		}
	}

	/// Waits for the end of a job and returns the event of it: JobFinalised, JobFailed or JobCancelled.
	pub async fn job_end(&self, job: u128, from: u64) -> Result<Event> {
		self.wait_for(from, &format!("end of job {job}"), |e| {
			e.pallet == "Inference"
				&& ["JobFinalised", "JobFailed", "JobCancelled"].contains(&e.name.as_str())
				&& e.number("job") == job
		})
		.await
	}

	/// What an account has at a block.
	pub async fn balance(&self, account: &Account, block: u64) -> Result<Balance> {
		let value = self.read(block, "System", "Account", vec![Value::from_bytes(account)]).await?;
		let Some(value) = value else { return Ok(Balance { free: 0, held: 0 }) };
		let data = value.at("data").context("an account has data")?;
		let part = |name| data.at(name).map(number).with_context(|| format!("an account has {name}"));
		Ok(Balance { free: part("free")?, held: part("reserved")? })
	}

	/// An entry of storage at a block.
	pub async fn read(&self, block: u64, pallet: &str, entry: &str, keys: Vec<Value>) -> Result<Option<Value>> {
		let at = self.api.at_block(block).await?;
		let value = at.storage().try_fetch((pallet, entry), keys).await?;
		Ok(value.map(|v| v.decode()).transpose()?)
	}

	/// Number of the newest finalised block.
	pub async fn newest(&self) -> Result<u64> {
		Ok(self.api.at_current_block().await?.block_number())
	}
}
