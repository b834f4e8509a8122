CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE calls (
	id TEXT NOT NULL, 
	call_id TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	trunk TEXT NOT NULL, 
	source TEXT NOT NULL, 
	caller TEXT NOT NULL, 
	called TEXT NOT NULL, 
	to_header TEXT NOT NULL, 
	number TEXT NOT NULL, 
	dialplan TEXT NOT NULL, 
	ringing_ms BIGINT, 
	answered_ms BIGINT, 
	ended_ms BIGINT NOT NULL, 
	disposition TEXT NOT NULL, 
	status INTEGER NOT NULL, 
	cause INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	hung_up_by TEXT NOT NULL, 
	legs TEXT NOT NULL, 
	trace TEXT NOT NULL, voicemail TEXT, recordings TEXT, heard TEXT, caller_number TEXT, called_number TEXT, queues TEXT, rate_plan TEXT, currency TEXT, billed_seconds BIGINT, cost TEXT, charges TEXT, direction TEXT, extension TEXT, line TEXT, account TEXT, call_back_of TEXT, 
	PRIMARY KEY (id)
);
CREATE INDEX calls_started ON calls (started);
CREATE INDEX calls_number ON calls (number, started);
CREATE TABLE messages (
	id TEXT NOT NULL, 
	box TEXT NOT NULL, 
	call TEXT NOT NULL, 
	caller TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	ms BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	file TEXT NOT NULL, 
	complete BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	expires DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX messages_box ON messages (box, started);
CREATE TABLE deliveries (
	message TEXT NOT NULL, 
	way TEXT NOT NULL, 
	state TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	due DOUBLE NOT NULL, 
	until DOUBLE NOT NULL, 
	error TEXT NOT NULL, 
	PRIMARY KEY (message, way)
);
CREATE INDEX deliveries_due ON deliveries (state, due);
CREATE TABLE recordings (
	id TEXT NOT NULL, 
	number TEXT NOT NULL, 
	call TEXT NOT NULL, 
	caller TEXT NOT NULL, 
	started DOUBLE NOT NULL, 
	ms BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	file TEXT NOT NULL, 
	sides TEXT NOT NULL, 
	complete BOOLEAN NOT NULL, 
	expires DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX recordings_started ON recordings (started);
CREATE INDEX recordings_expires ON recordings (expires);
CREATE TABLE recorded (
	number TEXT NOT NULL, 
	month TEXT NOT NULL, 
	ms BIGINT NOT NULL, 
	PRIMARY KEY (number, month)
);
CREATE INDEX calls_called_number ON calls (called_number, started);
CREATE TABLE outbox (
	position INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	number TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (position), 
	UNIQUE (id)
);
CREATE INDEX outbox_subject ON outbox (subject, seq);
CREATE INDEX outbox_at ON outbox (at);
CREATE TABLE webhook_endpoints (
	name TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	disabled TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE webhook_deliveries (
	endpoint TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	state TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	due DOUBLE NOT NULL, 
	tried DOUBLE NOT NULL, 
	status INTEGER NOT NULL, 
	error TEXT NOT NULL, 
	PRIMARY KEY (endpoint, position)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due, position) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_subject ON webhook_deliveries (endpoint, subject, position) WHERE state = 'waiting';
CREATE INDEX calls_account ON calls (account, started) WHERE account <> '';
CREATE TABLE accounts (
	name TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	balance TEXT NOT NULL, 
	reserved TEXT NOT NULL, 
	credit TEXT, 
	notice TEXT, 
	suspend TEXT, 
	reclaim_seconds DOUBLE, 
	state TEXT NOT NULL, 
	since DOUBLE NOT NULL, 
	noticed BOOLEAN NOT NULL, 
	held BOOLEAN NOT NULL, 
	opened DOUBLE NOT NULL, 
	mails BOOLEAN NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE reservations (
	call TEXT NOT NULL, 
	account TEXT NOT NULL, 
	amount TEXT NOT NULL, 
	server TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (call)
);
CREATE TABLE ledger (
	booking TEXT NOT NULL, 
	account TEXT NOT NULL, 
	amount TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	kind TEXT NOT NULL, 
	who TEXT NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (booking, account)
);
CREATE INDEX ledger_account ON ledger (account, at);
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TABLE account_events (
	id TEXT NOT NULL, 
	account TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	what TEXT NOT NULL, 
	balance TEXT NOT NULL, 
	who TEXT NOT NULL, 
	note TEXT NOT NULL, 
	mail TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	due DOUBLE NOT NULL, call_due DOUBLE DEFAULT '0' NOT NULL, call_tries INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX account_events_mail ON account_events (due) WHERE mail = 'due';
CREATE INDEX account_events_account ON account_events (account, at);
CREATE TABLE invoices (
	account TEXT NOT NULL, 
	month TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	lines TEXT NOT NULL, 
	total TEXT NOT NULL, 
	closed DOUBLE NOT NULL, 
	PRIMARY KEY (account, month)
);
CREATE TABLE invoiced (
	account TEXT NOT NULL, 
	booking TEXT NOT NULL, 
	month TEXT NOT NULL, 
	PRIMARY KEY (account, booking)
);
CREATE INDEX calls_call_back_of ON calls (call_back_of) WHERE call_back_of <> '';
CREATE TABLE call_backs (
	id TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	number TEXT NOT NULL, 
	called TEXT NOT NULL, 
	caller TEXT NOT NULL, 
	dialled TEXT NOT NULL, 
	missed_at DOUBLE NOT NULL, 
	due DOUBLE NOT NULL, 
	attempts INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	why TEXT NOT NULL, 
	lease DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX call_backs_state ON call_backs (state, lease);
CREATE INDEX call_backs_missed_at ON call_backs (missed_at);
CREATE TABLE number_lives (
	number TEXT NOT NULL, 
	state TEXT NOT NULL, 
	since DOUBLE NOT NULL, 
	until DOUBLE NOT NULL, 
	"before" TEXT NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE number_changes (
	id TEXT NOT NULL, 
	number TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	state TEXT NOT NULL, 
	who TEXT NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX number_changes_number ON number_changes (number, at);
CREATE TABLE queue_history (
	at DOUBLE NOT NULL, 
	kind TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	call TEXT NOT NULL, 
	agent TEXT NOT NULL, 
	why TEXT NOT NULL, 
	waited DOUBLE NOT NULL
);
CREATE INDEX queue_history_at ON queue_history (at);
CREATE INDEX queue_history_call ON queue_history (call);
CREATE TABLE packages (
	name TEXT NOT NULL, 
	account TEXT NOT NULL, 
	seconds BIGINT NOT NULL, 
	used BIGINT NOT NULL, 
	held BIGINT NOT NULL, 
	expires DOUBLE NOT NULL, 
	bought DOUBLE NOT NULL, 
	price TEXT NOT NULL, 
	PRIMARY KEY (name), 
	CHECK (used >= 0 AND held >= 0 AND used + held <= seconds)
);
CREATE INDEX packages_account ON packages (account, expires);
CREATE INDEX account_events_call ON account_events (call_due) WHERE call_due > 0;
CREATE TABLE number_attributes (
	number TEXT NOT NULL, 
	line TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	country TEXT NOT NULL, 
	name TEXT NOT NULL, 
	groups TEXT, 
	widget BOOLEAN NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE package_holds (
	call TEXT NOT NULL, 
	package TEXT NOT NULL, 
	seconds BIGINT NOT NULL, 
	PRIMARY KEY (call, package)
);
CREATE TABLE package_uses (
	call TEXT NOT NULL, 
	package TEXT NOT NULL, 
	seconds BIGINT NOT NULL, 
	at DOUBLE NOT NULL, 
	PRIMARY KEY (call, package)
);
