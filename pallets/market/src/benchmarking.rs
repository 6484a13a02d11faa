//! Benchmarks of every call, at the largest bundle and with as many payees as there can be.

use super::*;
use autonomy_primitives::community::Pot;
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use sp_runtime::traits::Bounded;

fn funded<T: Config>(name: &'static str) -> T::AccountId {
	let who: T::AccountId = account(name, 0, 0);
	T::Currency::set_balance(&who, BalanceOf::<T>::max_value() / 1_000_000u32.into());
	who
}

/// A price of which even a small share is more than the existential deposit.
fn price<T: Config>() -> BalanceOf<T> {
	BalanceOf::<T>::max_value() / 1_000_000_000u32.into()
}

/// `p` payees that share the cap in equal parts: pots of bonded holders, which take more than accounts do.
fn payees<T: Config>(p: u32) -> RoyaltiesOf<T> {
	let share = Permill::from_parts(MAX_ROYALTY.deconstruct() / MAX_PAYEES);
	RoyaltiesOf::<T>::truncate_from((0..p).map(|index| (Payee::Pot(index, Pot::Shares), share)).collect())
}

/// `n` items of `owner` that can be sold.
fn items<T: Config>(owner: &T::AccountId, n: u32) -> ItemsOf<T> {
	ItemsOf::<T>::truncate_from((0..n).map(|_| T::Tradable::benchmark_item(owner)).collect::<Vec<_>>())
}

fn item<T: Config>(owner: &T::AccountId) -> (CollectionIdOf<T>, ItemIdOf<T>) {
	T::Tradable::benchmark_item(owner)
}

fn far<T: Config>() -> BlockNumberFor<T> {
	frame_system::Pallet::<T>::block_number().saturating_add(T::MaxDuration::get())
}

/// A listing of `n` items with `p` payees.
fn listed<T: Config>(seller: &T::AccountId, n: u32, p: u32) -> SaleId {
	let id = NextSaleId::<T>::get();
	// The items of a bundle may have more payees together than there can be.
	let items = items::<T>(seller, n);
	let royalties = payees::<T>(p);
	for (collection, item) in &items {
		OnSale::<T>::insert(collection, item, Sale::Listing(id));
	}
	let deposit = Pallet::<T>::hold_deposit(seller, 0).expect("the seller is funded");
	Pallet::<T>::open_sale(seller).expect("the seller has no other sale");
	let (price, expires, fee) = (price::<T>(), Some(far::<T>()), MAX_FEE);
	Listings::<T>::insert(id, Listing { seller: seller.clone(), items, price, expires, fee, royalties, deposit });
	id
}

fn offered<T: Config>(bidder: &T::AccountId, (collection, item): (CollectionIdOf<T>, ItemIdOf<T>)) {
	Pallet::<T>::do_make_offer(bidder.clone(), collection, item, price::<T>(), far::<T>()).expect("a good offer");
}

/// An auction with a bid of "first" and `p` payees.
fn auctioned<T: Config>(seller: &T::AccountId, p: u32) -> SaleId {
	let id = NextSaleId::<T>::get();
	let (collection, item) = item::<T>(seller);
	let duration = T::MaxDuration::get();
	Pallet::<T>::do_start_auction(seller.clone(), collection, item, price::<T>(), MAX_INCREMENT, duration)
		.expect("a good auction");
	Auctions::<T>::mutate(id, |auction| {
		if let Some(auction) = auction {
			auction.royalties = payees::<T>(p);
		}
	});
	id
}

fn bid_by<T: Config>(name: &'static str, id: SaleId, amount: BalanceOf<T>) {
	Pallet::<T>::do_bid(funded::<T>(name), id, amount).expect("a good bid");
}

fn terms<T: Config>() -> LicenceTermsOf<T> {
	let price = price::<T>();
	LicenceTerms { per_period: Some(price), period: T::MaxDuration::get(), perpetual: Some(price) }
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn list() {
		let seller = funded::<T>("seller");
		let (collection, item) = item::<T>(&seller);

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), collection, item, price::<T>(), Some(far::<T>()));

		assert!(OnSale::<T>::contains_key(collection, item));
	}

	#[benchmark]
	fn list_bundle(n: Linear<1, MAX_BUNDLE>) {
		let seller = funded::<T>("seller");
		let items = items::<T>(&seller, n);

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), items, price::<T>(), Some(far::<T>()));

		assert_eq!(OnSale::<T>::iter_keys().count(), n as usize);
	}

	#[benchmark]
	fn set_price() {
		let seller = funded::<T>("seller");
		let id = listed::<T>(&seller, MAX_BUNDLE, MAX_PAYEES);

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), id, T::MinPrice::get());

		assert_eq!(Listings::<T>::get(id).map(|listing| listing.price), Some(T::MinPrice::get()));
	}

	#[benchmark]
	fn cancel_listing(n: Linear<1, MAX_BUNDLE>) {
		let seller = funded::<T>("seller");
		let id = listed::<T>(&seller, n, MAX_PAYEES);

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), id);

		assert!(!Listings::<T>::contains_key(id));
	}

	#[benchmark]
	fn expire_listing(n: Linear<1, MAX_BUNDLE>) {
		let seller = funded::<T>("seller");
		let id = listed::<T>(&seller, n, MAX_PAYEES);
		frame_system::Pallet::<T>::set_block_number(far::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(funded::<T>("anyone")), id);

		assert!(!Listings::<T>::contains_key(id));
	}

	#[benchmark]
	fn buy(n: Linear<1, MAX_BUNDLE>, p: Linear<1, MAX_PAYEES>) {
		let (seller, buyer) = (funded::<T>("seller"), funded::<T>("buyer"));
		let id = listed::<T>(&seller, n, p);
		let (collection, item) = Listings::<T>::get(id).and_then(|l| l.items.first().copied()).expect("listed");

		#[extrinsic_call]
		_(RawOrigin::Signed(buyer.clone()), id, price::<T>());

		assert_eq!(T::Items::owner(&collection, &item), Some(buyer));
	}

	#[benchmark]
	fn make_offer() {
		let (collection, item) = item::<T>(&funded::<T>("seller"));
		let bidder = funded::<T>("bidder");

		#[extrinsic_call]
		_(RawOrigin::Signed(bidder.clone()), collection, item, price::<T>(), far::<T>());

		assert!(Offers::<T>::contains_key((collection, item, bidder)));
	}

	#[benchmark]
	fn cancel_offer() {
		let (collection, item) = item::<T>(&funded::<T>("seller"));
		let bidder = funded::<T>("bidder");
		offered::<T>(&bidder, (collection, item));

		#[extrinsic_call]
		_(RawOrigin::Signed(bidder.clone()), collection, item);

		assert!(!Offers::<T>::contains_key((collection, item, bidder)));
	}

	#[benchmark]
	fn expire_offer() {
		let (collection, item) = item::<T>(&funded::<T>("seller"));
		let bidder = funded::<T>("bidder");
		offered::<T>(&bidder, (collection, item));
		frame_system::Pallet::<T>::set_block_number(far::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(funded::<T>("anyone")), collection, item, bidder.clone());

		assert!(!Offers::<T>::contains_key((collection, item, bidder)));
	}

	/// The item has as many payees as `Tradable` gives it, whatever `p`.
	#[benchmark]
	fn accept_offer(p: Linear<1, MAX_PAYEES>) {
		let _ = p;
		let seller = funded::<T>("seller");
		let (collection, item) = item::<T>(&seller);
		let bidder = funded::<T>("bidder");
		offered::<T>(&bidder, (collection, item));

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), collection, item, bidder.clone(), price::<T>());

		assert_eq!(T::Items::owner(&collection, &item), Some(bidder));
	}

	#[benchmark]
	fn start_auction() {
		let seller = funded::<T>("seller");
		let (collection, item) = item::<T>(&seller);
		let duration = T::MaxDuration::get();

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), collection, item, price::<T>(), MAX_INCREMENT, duration);

		assert!(OnSale::<T>::contains_key(collection, item));
	}

	#[benchmark]
	fn bid() {
		let id = auctioned::<T>(&funded::<T>("seller"), MAX_PAYEES);
		bid_by::<T>("first", id, price::<T>());
		let bidder = funded::<T>("bidder");
		let amount = price::<T>().saturating_mul(2u32.into());

		#[extrinsic_call]
		_(RawOrigin::Signed(bidder.clone()), id, amount);

		assert_eq!(Auctions::<T>::get(id).and_then(|auction| auction.top).map(|top| top.bidder), Some(bidder));
	}

	#[benchmark]
	fn cancel_auction() {
		let seller = funded::<T>("seller");
		let id = auctioned::<T>(&seller, MAX_PAYEES);

		#[extrinsic_call]
		_(RawOrigin::Signed(seller), id);

		assert!(!Auctions::<T>::contains_key(id));
	}

	#[benchmark]
	fn settle_auction(p: Linear<1, MAX_PAYEES>) {
		let id = auctioned::<T>(&funded::<T>("seller"), p);
		bid_by::<T>("first", id, price::<T>());
		frame_system::Pallet::<T>::set_block_number(far::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(funded::<T>("anyone")), id);

		assert!(!Auctions::<T>::contains_key(id));
	}

	#[benchmark]
	fn set_licence_terms() {
		let owner = funded::<T>("owner");
		let model = T::Models::benchmark_model(&owner);
		Pallet::<T>::do_set_licence_terms(owner.clone(), model, Some(terms::<T>())).expect("good terms");

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), model, Some(terms::<T>()));

		assert!(Terms::<T>::contains_key(model));
	}

	#[benchmark]
	fn open_licence() {
		let owner = funded::<T>("owner");
		let model = T::Models::benchmark_model(&owner);
		Pallet::<T>::do_set_licence_terms(owner.clone(), model, Some(terms::<T>())).expect("good terms");

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), model);

		assert!(OpenModels::<T>::contains_key(model));
	}

	/// The model has as many payees as `Models` gives it, whatever `p`.
	#[benchmark]
	fn buy_licence(p: Linear<1, MAX_PAYEES>) {
		let _ = p;
		let owner = funded::<T>("owner");
		let model = T::Models::benchmark_model(&owner);
		Pallet::<T>::do_set_licence_terms(owner, model, Some(terms::<T>())).expect("good terms");
		let licensee = funded::<T>("licensee");

		#[extrinsic_call]
		_(RawOrigin::Signed(licensee.clone()), model, LicenceKind::Period, price::<T>());

		assert!(Licences::<T>::contains_key(model, licensee));
	}

	#[benchmark]
	fn end_licence() {
		let owner = funded::<T>("owner");
		let model = T::Models::benchmark_model(&owner);
		Pallet::<T>::do_set_licence_terms(owner, model, Some(terms::<T>())).expect("good terms");
		let licensee = funded::<T>("licensee");
		Pallet::<T>::do_buy_licence(licensee.clone(), model, LicenceKind::Perpetual, price::<T>()).expect("a licence");

		#[extrinsic_call]
		_(RawOrigin::Signed(licensee.clone()), model, licensee.clone());

		assert!(!Licences::<T>::contains_key(model, licensee));
	}

	/// A purchase among `l` listings. Its cost must not depend on them.
	#[benchmark(extra)]
	fn buy_among_listings(l: Linear<10, 100_000>) {
		let (seller, buyer) = (funded::<T>("seller"), funded::<T>("buyer"));
		let id = listed::<T>(&seller, 1, MAX_PAYEES);
		let listing = Listings::<T>::get(id).expect("listed");
		for other in 1..=u64::from(l) {
			Listings::<T>::insert(SaleId::MAX.saturating_sub(other), listing.clone());
		}

		#[block]
		{
			Pallet::<T>::do_buy(buyer, id, price::<T>()).expect("the buyer is funded");
		}

		assert!(!Listings::<T>::contains_key(id));
	}

	/// An offer that is accepted among `o` of them for the same item. Its cost must not depend on them.
	#[benchmark(extra)]
	fn accept_among_offers(o: Linear<10, 100_000>) {
		let (seller, bidder) = (funded::<T>("seller"), funded::<T>("bidder"));
		let (collection, item) = item::<T>(&seller);
		offered::<T>(&bidder, (collection, item));
		let offer = Offers::<T>::get((collection, item, &bidder)).expect("offered");
		for other in 0..o {
			Offers::<T>::insert((collection, item, account::<T::AccountId>("other", other, 0)), offer.clone());
		}

		#[block]
		{
			Pallet::<T>::do_accept_offer(seller, collection, item, bidder.clone(), price::<T>())
				.expect("the offer is there");
		}

		assert_eq!(T::Items::owner(&collection, &item), Some(bidder));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
