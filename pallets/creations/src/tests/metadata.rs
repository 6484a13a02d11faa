use autonomy_primitives::{
	digest::{cid, cid_text},
	job::Modality,
};
use frame_support::{assert_ok, traits::nonfungibles_v2::Inspect};
use serde_json::Value;
use sp_runtime::{AccountId32, Permill};

use crate::{
	metadata::{collection_json, facts, is_name, ATTRIBUTES},
	mock::*,
	FinalJob, MAX_NAME_BYTES,
};

fn ipfs(content: &[u8]) -> String {
	format!("ipfs://{}", String::from_utf8(cid_text(&cid(content)).to_vec()).unwrap())
}

fn json(collection: u32, item: u32) -> Value {
	serde_json::from_slice(&Creations::metadata_json(collection, item).unwrap()).unwrap()
}

#[test]
fn metadata_should_link_to_the_json_by_its_cid() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		let metadata = pallet_nfts::ItemMetadataOf::<Test>::get(collection, item).unwrap().data.to_vec();
		let json = Creations::metadata_json(collection, item).unwrap();
		assert_eq!(String::from_utf8(metadata).unwrap(), ipfs(&json));
		let metadata = pallet_nfts::CollectionMetadataOf::<Test>::get(collection).unwrap().data.to_vec();
		let json = Creations::collection_metadata_json(collection).unwrap();
		assert_eq!(String::from_utf8(metadata).unwrap(), ipfs(&json));
	});
}

#[test]
fn json_should_have_the_fields_that_galleries_read() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		let json = json(collection, item);
		assert_eq!(json["name"], "A work");
		assert_eq!(json["image"], ipfs(&7u64.to_le_bytes()));
		assert!(json["description"].as_str().unwrap().starts_with("Made by model 3 in job 7 on Autonomy."));
		let attributes = json["attributes"].as_array().unwrap();
		assert_eq!(attributes.len(), ATTRIBUTES.len());
		for (attribute, key) in attributes.iter().zip(ATTRIBUTES) {
			assert_eq!(attribute["trait_type"], key);
			// The same as on chain.
			let on_chain = <Nfts as Inspect<AccountId32>>::system_attribute(&collection, Some(&item), key.as_bytes());
			assert_eq!(attribute["value"], String::from_utf8(on_chain.unwrap()).unwrap());
		}
		assert_eq!(attributes[0]["value"], "7");
		assert_eq!(attributes[3]["value"], format!("0x{}", "01".repeat(32)));
	});
}

#[test]
fn json_should_name_a_text_as_its_media() {
	build_and_execute(|| {
		finalise_as(8, FinalJob { modality: Modality::Text, ..final_job(1, 8) });
		assert_ok!(Creations::mint(signed(1), 8, None, name("A poem"), Permill::zero()));
		let json = json(open(), 0);
		assert_eq!(json["animation_url"], ipfs(&8u64.to_le_bytes()));
		assert_eq!(json.get("image"), None);
	});
}

#[test]
fn json_should_name_the_media_that_each_kind_of_output_is() {
	build_and_execute(|| {
		let kinds = [
			(Modality::Image, true, false),
			(Modality::Text, false, true),
			(Modality::Animation, true, true),
			(Modality::SpriteSheet, true, false),
			(Modality::Tile, true, false),
			(Modality::Evaluation, false, true),
			(Modality::Ballot, false, true),
		];
		for (job, (modality, image, animation)) in (0u64..).zip(kinds) {
			finalise_as(job, FinalJob { modality, ..final_job(1, job) });
			assert_ok!(Creations::mint(signed(1), job, None, name("A work"), Permill::zero()));
			let (collection, item) = Creations::creation_of_job(job).unwrap();
			let json = json(collection, item);
			let file = Value::String(ipfs(&job.to_le_bytes()));
			assert_eq!(json.get("image"), image.then_some(&file), "{modality:?}");
			assert_eq!(json.get("animation_url"), animation.then_some(&file), "{modality:?}");
		}
	});
}

#[test]
fn json_should_be_valid_whatever_the_name() {
	build_and_execute(|| {
		let longest = "\"".repeat(MAX_NAME_BYTES as usize);
		let names = ["\"", "\\\"\\", "Ein \"Bild\" – 絵 \u{2028}", "{}[],:", longest.as_str()];
		for (job, text) in (0u64..).zip(names) {
			finalise(job, 1);
			assert_ok!(Creations::mint(signed(1), job, None, name(text), Permill::zero()));
			let (collection, item) = Creations::creation_of_job(job).unwrap();
			assert_eq!(json(collection, item)["name"], text);
			let collection: Value = serde_json::from_slice(&collection_json(text.as_bytes())).unwrap();
			assert_eq!(collection["name"], text);
		}
	});
}

#[test]
fn json_should_stay_the_same_when_the_job_is_forgotten_or_the_work_sold() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		let before = Creations::metadata_json(collection, item);
		FinalJobs::set(Default::default());
		assert_ok!(Nfts::transfer(signed(1), collection, item, account(2)));
		assert_eq!(Creations::metadata_json(collection, item), before);
		assert_eq!(json(collection, item)["attributes"][0]["value"], "7");
	});
}

#[test]
fn facts_should_come_in_the_order_of_the_keys() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		let creation = Creations::creation(collection, item).unwrap();
		assert_eq!(facts(&creation).map(|(key, _)| key), ATTRIBUTES);
	});
}

#[test]
fn nft_should_keep_what_it_says_when_its_holder_tries_to_change_it() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		let owner = pallet_nfts::AttributeNamespace::CollectionOwner;
		let data = || b"mine".to_vec().try_into().unwrap();
		assert!(Nfts::set_metadata(signed(1), collection, item, data()).is_err());
		assert!(Nfts::clear_metadata(signed(1), collection, item).is_err());
		for namespace in [owner, pallet_nfts::AttributeNamespace::Pallet] {
			let (key, value) = (b"seed".to_vec().try_into().unwrap(), b"0".to_vec().try_into().unwrap());
			assert!(
				Nfts::set_attribute(signed(1), collection, Some(item), namespace.clone(), key, value).is_err(),
				"{namespace:?}"
			);
			let key = b"seed".to_vec().try_into().unwrap();
			let cleared = frame_support::storage::with_storage_layer(|| {
				Nfts::clear_attribute(signed(1), collection, Some(item), namespace, key)
			});
			assert!(cleared.is_err());
		}
		let json = Creations::metadata_json(collection, item).unwrap();
		let metadata = pallet_nfts::ItemMetadataOf::<Test>::get(collection, item).unwrap().data.to_vec();
		assert_eq!(String::from_utf8(metadata).unwrap(), ipfs(&json));
	});
}

#[test]
fn name_should_be_text_that_can_be_seen() {
	for good in ["a", " a ", "絵", "\"quoted\""] {
		assert!(is_name(good.as_bytes()), "{good}");
	}
	for bad in [&b""[..], b" ", b"\x7f", b"a\tb", b"\xff"] {
		assert!(!is_name(bad), "{bad:?}");
	}
}
