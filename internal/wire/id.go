package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// EncodeJobID makes the 16 bytes of a job id.
func EncodeJobID(id plan.JobID) []byte { return id[:] }

// DecodeJobID checks the bytes of a job id; field names them in errors.
func DecodeJobID(field string, id []byte) (plan.JobID, error) {
	var c checker
	job := readJobID(&c, field, id)
	return job, c.err
}

func readJobID(c *checker, field string, id []byte) (job plan.JobID) {
	if copy(job[:], id) != len(job) || len(id) != len(job) {
		c.fail(field, "%d bytes, want %d", len(id), len(job))
	}
	return job
}

// EncodeTaskID makes the message of a task id.
func EncodeTaskID(id plan.TaskID) *pb.TaskId {
	return &pb.TaskId{Stage: narrow(id.Stage), Index: narrow(id.Index)}
}

// DecodeTaskID checks a task id.
func DecodeTaskID(m *pb.TaskId) (plan.TaskID, error) { return decode("task", m, readTaskID) }

func readTaskID(c *checker, m *pb.TaskId) plan.TaskID {
	stage := plan.StageID(m.GetStage())
	if stage < plan.PublishStage {
		c.fail("stage", "is %d, want %d or more", stage, plan.PublishStage)
	}
	return plan.TaskID{Stage: stage, Index: c.number("index", m.GetIndex())}
}

// EncodeAttemptID makes the message of an attempt id.
func EncodeAttemptID(id plan.AttemptID) *pb.AttemptId { return encodeAttemptID(&id) }

func encodeAttemptID(id *plan.AttemptID) *pb.AttemptId {
	job := id.Job // a copy: the message may live longer
	return &pb.AttemptId{Job: job[:], Task: EncodeTaskID(id.Task), Epoch: id.Epoch, Number: narrow(id.Number)}
}

// DecodeAttemptID checks an attempt id.
func DecodeAttemptID(m *pb.AttemptId) (plan.AttemptID, error) {
	return decode("attempt", m, readAttemptID)
}

func readAttemptID(c *checker, m *pb.AttemptId) plan.AttemptID {
	return plan.AttemptID{
		Job:    readJobID(c, "job", m.GetJob()),
		Task:   one(c, "task", m.GetTask(), readTaskID),
		Epoch:  m.GetEpoch(),
		Number: c.number("number", m.GetNumber()),
	}
}

// EncodeAttemptIDs makes the messages of attempt ids.
func EncodeAttemptIDs(ids []plan.AttemptID) []*pb.AttemptId { return messages(ids, encodeAttemptID) }

// DecodeAttemptIDs checks a list of attempt ids.
func DecodeAttemptIDs(m []*pb.AttemptId) ([]plan.AttemptID, error) {
	var c checker
	ids := list(&c, "attempts", m, readAttemptID)
	return ids, c.err
}

// EncodeOutputIDs makes the messages of output ids.
func EncodeOutputIDs(ids []plan.OutputID) []*pb.OutputId { return messages(ids, encodeOutputID) }

// DecodeOutputIDs checks a list of output ids; field names it in errors.
func DecodeOutputIDs(field string, m []*pb.OutputId) ([]plan.OutputID, error) {
	var c checker
	ids := list(&c, field, m, readOutputID)
	return ids, c.err
}

func encodeOutputID(id *plan.OutputID) *pb.OutputId {
	return &pb.OutputId{Attempt: encodeAttemptID(&id.Attempt), Exchange: narrow(id.Exchange)}
}

func readOutputID(c *checker, m *pb.OutputId) plan.OutputID {
	return plan.OutputID{
		Attempt:  one(c, "attempt", m.GetAttempt(), readAttemptID),
		Exchange: plan.ExchangeID(c.number("exchange", m.GetExchange())),
	}
}
