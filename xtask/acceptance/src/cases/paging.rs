//! History by pages and by cursors.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Outcome;
use crate::json::Json;
use crate::shape;
use crate::user::User;
use crate::world::World;

cases! { "paging";
    "page 1 = newest; ascending by sequence within the page" => page_one_is_the_newest,
    "pagination{page,size,total,hasMore} beside data" => pages_tell_where_they_are,
    "default size 50" => fifty_by_default,
    "a size over the maximum is cut to it" => a_size_over_the_maximum_is_cut,
    "below 1 or not a number is 400 VALIDATION" => bad_sizes_are_400,
    "?afterSeq&limit: ascending, contiguous from the cursor; exclusive" => after_seq_is_contiguous,
    "?beforeSeq: the limit messages just below it; exclusive, ascending" => before_seq_gives_those_just_below,
    "nextSeq is the value to pass again (on an empty page, the one passed)" => next_seq_of_an_empty_page,
    "both cursors, or one with page: 400" => cursors_together_are_400,
    "afterSeq walks the whole history by nextSeq without holes or doubles" => cursors_walk_everything,
    "a snake_case alias in a query" => snake_case_in_queries,
    "an empty conversation: an array that is empty" => empty_conversations_have_empty_pages,
    "the world's history is paged too" => world_history_is_paged,
}

/// Alice and Bob with 75 messages between them, sent by both so that no one's limit matters.
async fn seventy_five(t: &World) -> anyhow::Result<(User, String)> {
    let (alice, bob, chat) = t.two_friends().await?;
    for n in 1..=75 {
        let sender = if n % 2 == 0 { &alice } else { &bob };
        sender.say(&chat, &format!("m{n}")).await?;
    }
    Ok((alice, chat))
}

async fn page(user: &User, chat: &str, query: &str) -> anyhow::Result<(Vec<i64>, Value)> {
    let reply = user.get(&format!("/conversations/{chat}/messages{query}")).await?;
    for message in reply.ok(200)?.list("")? {
        shape::message(message)?;
    }
    Ok((reply.ok(200)?.ints("seq")?, reply.json.at("pagination")?.clone()))
}

async fn page_one_is_the_newest(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    same!(page(&alice, &chat, "?page=1&size=10").await?.0, (66..=75).collect::<Vec<_>>(), "page 1");
    same!(page(&alice, &chat, "?page=2&size=10").await?.0, (56..=65).collect::<Vec<_>>(), "page 2");
    same!(page(&alice, &chat, "?page=8&size=10").await?.0, (1..=5).collect::<Vec<_>>(), "the last page");
    same!(page(&alice, &chat, "?page=9&size=10").await?.0, Vec::<i64>::new(), "a page beyond the last");
    Ok(())
}

async fn pages_tell_where_they_are(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    let (_, first) = page(&alice, &chat, "?page=1&size=30").await?;
    same!(first, json!({"page": 1, "size": 30, "total": 75, "hasMore": true}), "pagination of page 1");
    let (_, last) = page(&alice, &chat, "?page=3&size=30").await?;
    same!(last, json!({"page": 3, "size": 30, "total": 75, "hasMore": false}), "pagination of page 3");
    let (_, exact) = page(&alice, &chat, "?page=3&size=25").await?;
    same!(exact.flag("hasMore")?, false, "hasMore when the last page is full");
    Ok(())
}

async fn fifty_by_default(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    same!(page(&alice, &chat, "").await?.0, (26..=75).collect::<Vec<_>>(), "the newest fifty");
    same!(page(&alice, &chat, "?page=2").await?.0, (1..=25).collect::<Vec<_>>(), "the rest");
    same!(page(&alice, &chat, "?afterSeq=0").await?.0, (1..=50).collect::<Vec<_>>(), "the oldest fifty");
    Ok(())
}

async fn a_size_over_the_maximum_is_cut(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    let (seqs, pagination) = page(&alice, &chat, "?page=1&size=100000").await?;
    same!(seqs.len(), 75, "all 75");
    same!(pagination.int("size")?, 100, "size cut to 100");
    same!(page(&alice, &chat, "?afterSeq=0&limit=5000").await?.0.len(), 75, "all 75 by cursor");
    Ok(())
}

async fn bad_sizes_are_400(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "size=0",
        "size=-5",
        "size=ten",
        "size=1.5",
        "page=1&size=",
        "afterSeq=-1",
        "afterSeq=x",
        "afterSeq=0&limit=0",
        "afterSeq=0&limit=x",
        "beforeSeq=x",
        "beforeSeq=-3",
    ] {
        let reply = alice.get(&format!("/conversations/{chat}/messages?{query}")).await?;
        reply.fails(400, "VALIDATION")?;
    }
    Ok(())
}

async fn after_seq_is_contiguous(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    let (seqs, pagination) = page(&alice, &chat, "?afterSeq=10&limit=20").await?;
    same!(seqs, (11..=30).collect::<Vec<_>>(), "those just above the cursor, not the newest");
    same!(pagination.flag("hasMore")?, true, "hasMore");
    same!(pagination.int("nextSeq")?, 30, "nextSeq");
    let (seqs, pagination) = page(&alice, &chat, "?afterSeq=60&limit=15").await?;
    same!(seqs, (61..=75).collect::<Vec<_>>(), "the last ones");
    same!(pagination.flag("hasMore")?, false, "hasMore at the end");
    Ok(())
}

async fn before_seq_gives_those_just_below(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    let (seqs, pagination) = page(&alice, &chat, "?beforeSeq=40&limit=10").await?;
    same!(seqs, (30..=39).collect::<Vec<_>>(), "those just below the cursor");
    same!(pagination.flag("hasMore")?, true, "hasMore");
    same!(pagination.int("nextSeq")?, 30, "nextSeq to be the lowest");
    let (seqs, pagination) = page(&alice, &chat, "?beforeSeq=6&limit=10").await?;
    same!(seqs, (1..=5).collect::<Vec<_>>(), "down to the first");
    same!(pagination.flag("hasMore")?, false, "hasMore at the first");
    Ok(())
}

async fn next_seq_of_an_empty_page(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "m", 3).await?;
    for (query, next) in [("afterSeq=3", 3), ("afterSeq=500", 500), ("beforeSeq=1", 1)] {
        let (seqs, pagination) = page(&alice, &chat, &format!("?{query}&limit=5")).await?;
        same!(seqs.len(), 0, "an empty page for {query}");
        same!(pagination, json!({"hasMore": false, "nextSeq": next}), "the pagination of {query}");
    }
    same!(page(&alice, &chat, "?beforeSeq=500&limit=2").await?.0, vec![2, 3], "beforeSeq above the end");
    Ok(())
}

async fn cursors_together_are_400(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    for query in ["afterSeq=1&beforeSeq=5", "afterSeq=1&page=1", "beforeSeq=5&page=2"] {
        alice.get(&format!("/conversations/{chat}/messages?{query}")).await?.fails(400, "VALIDATION")?;
    }
    Ok(())
}

async fn cursors_walk_everything(t: World) -> Outcome {
    let (alice, chat) = seventy_five(&t).await?;
    let all = alice.whole_history(&chat).await?;
    same!(Value::from(all).ints("seq")?, (1..=75).collect::<Vec<_>>(), "everything in order");
    for limit in [1, 7, 25] {
        let (mut after, mut seen) = (0, Vec::new());
        loop {
            let (seqs, pagination) = page(&alice, &chat, &format!("?afterSeq={after}&limit={limit}")).await?;
            ensure!(seqs.len() <= limit, "at most {limit} in a page");
            seen.extend(seqs);
            after = pagination.int("nextSeq")?;
            if !pagination.flag("hasMore")? {
                break;
            }
        }
        same!(seen, (1..=75).collect::<Vec<_>>(), "everything, {limit} at a time");
    }
    Ok(())
}

async fn snake_case_in_queries(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    alice.say_many(&chat, "m", 4).await?;
    same!(page(&alice, &chat, "?after_seq=2").await?.0, vec![3, 4], "after_seq as afterSeq");
    same!(page(&alice, &chat, "?before_seq=3").await?.0, vec![1, 2], "before_seq as beforeSeq");
    Ok(())
}

async fn empty_conversations_have_empty_pages(t: World) -> Outcome {
    let (alice, _bob, chat) = t.two_friends().await?;
    let (seqs, pagination) = page(&alice, &chat, "?page=1&size=20").await?;
    same!(seqs.len(), 0, "no messages");
    same!(pagination, json!({"page": 1, "size": 20, "total": 0, "hasMore": false}), "the pagination");
    Ok(())
}

async fn world_history_is_paged(t: World) -> Outcome {
    let _quiet = t.world_room.lock().await;
    let alice = t.user().await?;
    let first = alice.say_many("world", &crate::world::fresh("w "), 3).await?;
    let after = first[0].int("seq")? - 1;
    let (seqs, _) = page(&alice, "world", &format!("?afterSeq={after}&limit=3")).await?;
    same!(seqs.first(), Some(&(after + 1)), "contiguous from the cursor");
    shape::contiguous(&seqs)
}
