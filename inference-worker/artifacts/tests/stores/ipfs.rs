//! IPFS gateways and nodes.

use autonomy_artifacts::{ArtifactError, ArtifactStore, Ipfs, IpfsSettings, MOST_BLOCK_BYTES};
use autonomy_primitives::digest::cid;

use crate::{
	limits,
	servers::{Blocks, Fault, Server},
	text,
};

const FILE: &[u8] = b"a green star";

fn reader(gateways: &[&Server]) -> Ipfs {
	let gateways = gateways.iter().map(|g| format!("{}/", g.url)).collect();
	Ipfs::new(&IpfsSettings { gateways, api: None }, limits()).unwrap()
}

fn writer(node: &Server) -> Ipfs {
	Ipfs::new(&IpfsSettings { gateways: Vec::new(), api: Some(node.url.clone()) }, limits()).unwrap()
}

#[tokio::test]
async fn block_should_come_as_it_is_when_a_gateway_is_asked() {
	let gateway = Server::gateway(&[FILE]).await;
	let ipfs = reader(&[&gateway]);
	assert_eq!(ipfs.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	assert_eq!(gateway.seen()[0].path, format!("/ipfs/{}?format=raw", text(&cid(FILE))));
	assert_eq!(ipfs.get(cid(b"another")).await.unwrap(), None);
	assert!(!ipfs.writes());
	let error = ipfs.put(cid(FILE), FILE.to_vec()).await.unwrap_err();
	assert!(matches!(error, ArtifactError::ReadOnly(_)), "{error}");
}

#[tokio::test]
async fn block_should_come_from_the_next_gateway_when_one_gives_a_page_for_people() {
	let (page, good) = (Server::gateway(&[FILE]).await, Server::gateway(&[FILE]).await);
	page.always(Some(Fault::Lies(b"<html>not the block</html>".to_vec())));
	assert_eq!(reader(&[&page, &good]).get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	let error = reader(&[&page]).get(cid(FILE)).await.unwrap_err().to_string();
	assert!(error.contains(&format!("IPFS gateway {} sent wrong bytes", page.url)), "{error}");
}

#[tokio::test]
async fn block_should_come_when_a_gateway_sends_its_reader_on() {
	let (first, second) = (Server::gateway(&[]).await, Server::gateway(&[FILE]).await);
	let elsewhere = format!("{}/ipfs/{}?format=raw", second.url, text(&cid(FILE)));
	first.next([Fault::Redirects(elsewhere)]);
	assert_eq!(reader(&[&first]).get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
}

#[tokio::test]
async fn block_should_be_pinned_when_it_is_stored() {
	let blocks = Blocks::default();
	let node = blocks.serve().await;
	let ipfs = writer(&node);
	assert!(ipfs.writes());
	let large = vec![7; 3 << 19];
	for file in [FILE, b"", &large] {
		ipfs.put(cid(file), file.to_vec()).await.unwrap();
		assert_eq!(blocks.block(&cid(file)), Some((file.to_vec(), true)));
	}
	ipfs.put(cid(FILE), FILE.to_vec()).await.unwrap();
}

#[tokio::test]
async fn block_should_be_refused_when_no_node_would_pass_it_on() {
	let node = Blocks::default().serve().await;
	let file = vec![0; MOST_BLOCK_BYTES as usize + 1];
	let error = writer(&node).put(cid(&file), file).await.unwrap_err();
	assert!(!error.is_transient(), "{error}");
	assert!(error.to_string().contains("2097152 bytes, which IPFS nodes do not pass on"), "{error}");
	assert!(node.seen().is_empty());
}

#[tokio::test]
async fn failure_should_be_told_when_a_node_does_not_store_the_block() {
	let node = Blocks::default().serve().await;
	let ipfs = writer(&node);
	let put = || ipfs.put(cid(FILE), FILE.to_vec());

	node.next([Fault::Status(500, r#"{"Message":"no space","Code":0,"Type":"error"}"#)]);
	let error = put().await.unwrap_err();
	assert!(error.is_transient() && error.to_string().contains("no space"), "{error}");

	node.next([Fault::None, Fault::Status(500, "pinning failed")]);
	assert!(put().await.unwrap_err().to_string().contains("pinning failed"));

	let other = format!(r#"{{"Key":"{}","Size":12}}"#, text(&cid(b"something else")));
	for (answer, expected) in
		[("<html>hello</html>".to_string(), "no JSON with the block's key"), (other, "that it stored")]
	{
		node.next([Fault::Lies(answer.into_bytes())]);
		let error = put().await.unwrap_err();
		assert!(!error.is_transient() && error.to_string().contains(expected), "{error}");
	}

	let error = ipfs.put(cid(b"other"), FILE.to_vec()).await.unwrap_err();
	assert!(matches!(error, ArtifactError::WrongCid { .. }), "{error}");
	put().await.unwrap();
}

#[test]
fn address_should_be_refused_with_its_field_when_it_is_none() {
	let settings = |gateway: &str, api: &str| IpfsSettings { gateways: vec![gateway.into()], api: Some(api.into()) };
	for (settings, field) in [
		(settings("ipfs.io", "http://127.0.0.1:5001"), "artifacts.ipfs.gateways: "),
		(settings("https://ipfs.io", "/ip4/127.0.0.1/tcp/5001"), "artifacts.ipfs.api: "),
	] {
		let error = Ipfs::new(&settings, limits()).err().unwrap().to_string();
		assert!(error.starts_with(field), "{error}");
	}
}
