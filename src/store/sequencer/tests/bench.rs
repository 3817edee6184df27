//! What the tests of the write path do to it, and what it hands over.

use super::*;

pub(super) const ANN: UserId = UserId(1);
pub(super) const ROOM: ConversationId = ConversationId(1);
pub(super) const NO: Refusal = Refusal::NotFound("anything");

/// What a change of these tests does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Makes a user, without an event.
    Make(&'static str),
    /// Says that something happened.
    Emit,
    /// Tells Ann's bio as the batch sees it.
    Bio,
    /// Changes Ann's bio, without an event.
    SetBio(&'static str),
    /// Tells whether Ann is in the room.
    IsMember,
    /// Makes the room with Ann in it.
    MakeRoom,
    /// Ends Ann's stay in it.
    Leave,
    Refuse,
    /// Breaks the rule that a refusal comes first.
    SetBioAndRefuse,
    EmitAndRefuse,
    EmitAndPanic,
    /// Makes a user whose name is taken, which only the database notices.
    Collide,
}

pub(super) fn emit(batch: &mut Batch) -> String {
    batch.emit(Topic::User(ANN), &Happening::SessionRevoked(Ended { id: SessionId(1) })).to_string()
}

impl Change for Act {
    type Output = String;

    async fn decide(&self, batch: &mut Batch) -> Result<String, Abort> {
        let mut ann = batch.user(ANN).await?;
        Ok(match self {
            Self::Make(name) => batch.insert_user(user(name)).id.to_string(),
            Self::Emit => emit(batch),
            Self::Bio => ann.map(|ann| ann.bio).unwrap_or_default(),
            Self::SetBio(_) | Self::SetBioAndRefuse => {
                let refuses = matches!(self, Self::SetBioAndRefuse);
                let bio = if let Self::SetBio(bio) = self { bio } else { "never" };
                if let Some(ann) = &mut ann {
                    bio.clone_into(&mut ann.bio);
                    batch.update_user(ann).await?;
                }
                if refuses {
                    return Err(NO.into());
                }
                bio.to_string()
            }
            Self::IsMember => batch.role(ROOM, ANN).await?.is_some().to_string(),
            Self::MakeRoom => {
                let conversation = conversation(Kind::Group);
                batch.insert_conversation(NewConversation { conversation, members: vec![(ANN, Role::Owner)] });
                emit(batch)
            }
            Self::Leave => {
                batch.end_stay(ROOM, ANN).await?;
                emit(batch)
            }
            Self::Refuse => return Err(NO.into()),
            Self::EmitAndRefuse => {
                emit(batch);
                return Err(NO.into());
            }
            Self::EmitAndPanic => {
                emit(batch);
                panic!("on purpose");
            }
            Self::Collide => batch.insert_user(user("ann")).id.to_string(),
        })
    }
}

pub(super) type Outcome = Result<String, SubmitError>;

/// A database of its own, a writer that can be started late, and what it handed over.
pub(super) struct Bench {
    pub(super) home: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) handed: Arc<Mutex<Vec<Record>>>,
    /// What was told here besides, by word of another node.
    pub(super) told: Arc<Mutex<(Seq, Option<i64>)>>,
}

pub(super) struct Running {
    pub(super) sequencer: Sequencer,
    pub(super) stop: CancellationToken,
    pub(super) task: Option<BoxFuture<'static, ()>>,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let bench = Self::at(home, store);
        let mut running = bench.writer(8);
        assert_eq!(running.all([Act::Make("ann"), Act::Emit]).await, [ok("1"), ok("1")]);
        bench
    }

    pub(super) fn at(home: tempfile::TempDir, store: Store) -> Self {
        Self { home, store, handed: Arc::default(), told: Arc::new(Mutex::new((Seq(0), None))) }
    }

    pub(super) fn writer(&self, waiting: usize) -> Running {
        self.writer_committing_by(Box::new(|db| Box::pin(db.commit())), waiting)
    }

    pub(super) fn writer_committing_by(&self, commit: Commit, waiting: usize) -> Running {
        let handed = Arc::clone(&self.handed);
        let hand_over: HandOver = Box::new(move |records, _| {
            let handed = Arc::clone(&handed);
            Box::pin(async move {
                // Whoever is answered too early is answered now.
                tokio::task::yield_now().await;
                handed.lock().extend(records);
            })
        });
        let told = Arc::clone(&self.told);
        let last_told: LastTold = Box::new(move || *told.lock());
        let stop = CancellationToken::new();
        let (sequencer, task) =
            Sequencer::committing_by(commit, self.store.clone(), waiting, hand_over, last_told, stop.clone());
        Running { sequencer, stop, task: Some(Box::pin(task)) }
    }

    /// What was handed over is the log, in its order and without a gap.
    pub(super) async fn assert_dense(&self, head: i64) {
        let clock = self.store.clock().await.expect("a clock");
        assert_eq!(clock.head, Seq(head), "refused and failed changes use no number");
        let log = self.store.log_page(Seq(0), clock.head, None, 1_000).await.expect("a log").records;
        let seqs: Vec<i64> = log.iter().map(|record| record.seq.0).collect();
        assert_eq!(seqs, (1..=head).collect::<Vec<_>>());
        assert!(log.is_sorted_by_key(|record| record.at), "no event is earlier than the one before");
        assert_eq!(*self.handed.lock(), log, "every event is handed over once, in order");
    }

    pub(super) async fn sql(&self, statement: &str) {
        self.store.write.execute_unprepared(statement).await.expect("a statement");
    }
}

impl Running {
    /// Hands all in before the writer runs, so that they are one batch, and gives what each was told.
    pub(super) async fn all<const N: usize>(&mut self, acts: [Act; N]) -> [Outcome; N] {
        let waiting = acts.map(|act| self.sequencer.submit_in_turn(act).expect("there is room"));
        let told = futures_util::future::join_all(waiting);
        let told = match &mut self.task {
            None => told.await,
            Some(task) => {
                tokio::select! {
                    biased;
                    () = task => panic!("the writer ended by itself"),
                    told = told => told,
                }
            }
        };
        told.try_into().expect("as many answers as questions")
    }

    pub(super) async fn one(&mut self, act: Act) -> Outcome {
        let [told] = self.all([act]).await;
        told
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a caller is told is a result")]
pub(super) fn ok(text: &str) -> Outcome {
    Ok(text.to_owned())
}

pub(super) fn refused() -> Outcome {
    Err(SubmitError::Refused(NO))
}
