package jobs

import (
	"context"
	"database/sql"
	"time"

	"github.com/riverqueue/river"
)

// The queue of messages to webhooks. Their receivers may take long, so many run at once and none takes the place of a session.
const (
	deliveryQueue    = "webhook"
	deliveriesAtOnce = 20
	// deliveryWithin is far more than an attempt takes. After the death of its process the job is offered again only because there is a limit.
	deliveryWithin = time.Minute
)

// deliveryArgs is a job: deliver a message to a webhook.
type deliveryArgs struct {
	DeliveryID string `json:"deliveryId"`
}

// Kind names the job for River.
func (deliveryArgs) Kind() string { return "webhook_delivery" }

// Deliver makes one attempt to deliver a message and returns how long to wait until the next; 0 if there is none.
type Deliver func(ctx context.Context, deliveryID string) (again time.Duration, err error)

// deliveries runs the jobs of messages.
type deliveries struct {
	river.WorkerDefaults[deliveryArgs]
	deliver Deliver
}

// Work makes an attempt for River. The message's own row counts the attempts that were made; waiting counts for nothing.
func (d *deliveries) Work(ctx context.Context, job *river.Job[deliveryArgs]) error {
	again, err := d.deliver(ctx, job.Args.DeliveryID)
	if err != nil || again == 0 {
		return err
	}
	return river.JobSnooze(again)
}

// Timeout is the time limit for one attempt.
func (*deliveries) Timeout(*river.Job[deliveryArgs]) time.Duration { return deliveryWithin }

// EnqueueDelivery inserts the job of a message in the caller's transaction.
func (e *Engine) EnqueueDelivery(ctx context.Context, tx *sql.Tx, deliveryID string) error {
	_, err := e.enqueue(ctx, tx, deliveryArgs{DeliveryID: deliveryID}, deliveryQueue)
	return err
}

// Deliveries says who delivers messages. Call it before [Engine.Start].
func (e *Engine) Deliveries(deliver Deliver) { e.deliveries.deliver = deliver }
