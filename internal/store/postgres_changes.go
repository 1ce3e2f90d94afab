package store

import (
	"encoding/binary"
	"slices"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// The two ways of a batch into products when it is written down.
const (
	// insertRecorded is insertBatch. Everything that it creates is known beforehand, so the list is only passed on.
	insertRecorded = `WITH created AS (INSERT INTO sync_creations (session_id, batch, catalog, first_id, last_id, ids, digests)
		SELECT $12::text, $13::bigint, $10::text, ($1::text[])[1], ($1::text[])[cardinality($1)], array_to_json($1)::text, $14::bytea` + onceOnly + `) ` + insertBatch
	// mergeRecorded is mergeBatch. What is written down is what is overwritten, because a row is only updated where it was read: if somebody
	// else has written it meanwhile, it has moved. The numbers after mergeBatch's are how many creations and updates there should be.
	mergeRecorded = `WITH b AS (
			SELECT b.*, p.place, p.hash AS old_hash, p.digest AS old_digest, p.sku AS old_sku, p.name AS old_name, p.price AS old_price,
				p.currency AS old_currency, p.active AS old_active, p.attributes AS old_attributes, p.origin_node_id AS old_origin_node_id,
				p.created_at AS old_created_at, p.updated_at AS old_updated_at
			FROM ` + batchRows + ` LEFT JOIN LATERAL (SELECT *, ctid AS place FROM products WHERE catalog = $10 AND id = b.id OFFSET 0) AS p ON true
		), differing AS (
			SELECT * FROM b WHERE place IS NOT NULL AND (old_hash <> hash OR old_digest IS NULL)
		), merged AS (
			UPDATE products AS p SET sku = d.sku, name = d.name, price = d.price, currency = d.currency, active = d.active, attributes = d.attributes,
				hash = d.hash, digest = d.digest, origin_node_id = $11, updated_at = clock_timestamp()
			FROM differing AS d WHERE p.ctid = d.place RETURNING 1
		), updated AS (
			INSERT INTO sync_changes (session_id, batch, product_id, kind, ` + beforeColumns + `, hash_before, hash_after,
				new_sku, new_name, new_price, new_currency, new_active, new_attributes, new_origin_node_id)
			SELECT $12::text, $13::bigint, id, 'updated', old_sku, old_name, old_price, old_currency, old_active, old_attributes, old_origin_node_id,
				old_created_at, old_updated_at, CASE WHEN old_digest IS NULL THEN '' ELSE old_hash END, hash,
				NULLIF(sku, old_sku), NULLIF(name, old_name), NULLIF(price, old_price), NULLIF(currency, old_currency), NULLIF(active, old_active),
				NULLIF(attributes, old_attributes), NULLIF($11::text, old_origin_node_id)
			FROM differing
			RETURNING 1
		), inserted AS (` + insertColumns + `
			SELECT $10, id, sku, name, price, currency, active, attributes, hash, digest, $11, clock_timestamp(), clock_timestamp() FROM b
			WHERE place IS NULL` + onceOnly + ` RETURNING id, digest
		), created AS (
			INSERT INTO sync_creations (session_id, batch, catalog, first_id, last_id, ids, digests)
			SELECT $12, $13, $10::text, min(id), max(id), json_agg(id ORDER BY id)::text, string_agg(int8send(coalesce(digest, 0)), '' ORDER BY id)
			FROM inserted HAVING count(*) > 0` + onceOnly + `
		) SELECT (SELECT count(*) FROM inserted), (SELECT count(*) FROM merged), (SELECT count(*) FROM b WHERE place IS NULL), (SELECT count(*) FROM updated)`
)

// args are the arguments that say where to write a batch down, in binary form.
func (r *recording) args() [][]byte {
	return [][]byte{[]byte(r.session), binary.BigEndian.AppendUint64(nil, uint64(r.batch))} //nolint:gosec // the same 64 bits
}

// recordUpdates implements [dialect]. It reads the rows before the update, and again after it.
func (*postgres) recordUpdates(tx *gorm.DB, r *recording, catalogName string, products []catalog.Product, write func() error) error {
	for step := range slices.Chunk(idsOf(products), deleteStep) {
		if _, err := recordBefore(tx, r, session.ChangeUpdated, "catalog = ? AND id IN ?", catalogName, step); err != nil {
			return err
		}
	}
	if err := write(); err != nil {
		return err
	}
	return tx.Exec(`UPDATE sync_changes SET hash_after = p.hash, new_sku = NULLIF(p.sku, sync_changes.sku), new_name = NULLIF(p.name, sync_changes.name),
			new_price = NULLIF(p.price, sync_changes.price), new_currency = NULLIF(p.currency, sync_changes.currency),
			new_active = NULLIF(p.active, sync_changes.active), new_attributes = NULLIF(p.attributes, sync_changes.attributes),
			new_origin_node_id = NULLIF(p.origin_node_id, sync_changes.origin_node_id)
		FROM products AS p WHERE session_id = ? AND batch = ? AND p.catalog = ? AND p.id = product_id`, r.session, r.batch, catalogName).Error
}
