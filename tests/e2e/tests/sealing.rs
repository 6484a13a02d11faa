//! Each way in which a development chain makes blocks. A chain with an interval is what the other tests run on.

use anyhow::Result;
use autonomy_e2e::{
	client::{account, key},
	node::Node,
	AUTON,
};
use subxt::dynamic::Value;

#[tokio::test]
async fn instant_chain_should_make_a_block_when_a_transaction_comes() -> Result<()> {
	let node = Node::start_with("instant").await?;
	let client = node.client().await?;
	assert_eq!(client.newest().await?, 0, "no block without a transaction");
	let to = account(&key("//Alice//e2e//instant"));
	for expected in 1..=3 {
		let arguments = vec![Value::unnamed_variant("Id", [Value::from_bytes(to)]), Value::u128(AUTON)];
		let sent = client.call("Balances", "transfer_keep_alive", arguments, &key("//Alice")).await?;
		assert_eq!(sent.block, expected, "one block for each transaction");
	}
	Ok(())
}

#[tokio::test]
async fn babe_chain_should_finalise_blocks_when_its_only_validator_votes() -> Result<()> {
	let mut node = Node::start_with("babe").await?;
	node.wait_for_block(1).await
}
