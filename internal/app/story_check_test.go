package app_test

import (
	"maps"
	"net/http"
	"slices"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

// held is what a node holds in the catalog.
type held map[string]catalog.Stored

func (s *story) holds(n *nodetest.Node) held {
	s.Helper()
	all := held{}
	for _, p := range n.Products(synced) {
		all[p.ID] = p
	}
	return all
}

// content is a product as its columns say, and whether another node would accept it.
func content(p catalog.Stored) (c catalog.Product, valid bool) {
	c = p.Product
	hash, refused := c.Rehash()
	c.Hash = hash
	return c, refused == nil
}

// same reports whether two rows hold the same content.
func same(a, b catalog.Stored) bool {
	left, _ := content(a)
	right, _ := content(b)
	return left == right
}

// certificateOf computes the certificate of products from their columns.
func certificateOf(h held) spec.Certificate {
	c := catalog.NewCertificate()
	for _, id := range slices.Sorted(maps.Keys(h)) {
		p, _ := content(h[id])
		c.Add(id, p.Hash)
	}
	return spec.Certificate{Sha256: c.String(), Products: c.Count()}
}

// check checks what an ended session has left behind, product by product and figure by figure.
func (s *story) check(r *run, end spec.Session) {
	s.Helper()
	switch {
	case end.Status == spec.COMPLETED, end.Status == spec.CANCELLED && r.cancelled:
	case end.Status == spec.FAILED && r.failing && value(end.ErrorCode) != "SOURCE_INCOMPLETE":
	default:
		s.Errorf("the session ended as %s", nodetest.Show(end))
	}
	theirs, ours := s.holds(s.Branch), s.holds(s.Main)
	did := s.checkProducts(r, end, theirs, ours)
	if len(r.touched) == 0 {
		s.checkFigures(r, end, theirs, did)
		s.checkCertificates(r, end, theirs, ours, did)
	}
	if !slices.Equal(s.Main.Products(aside), s.bystander) {
		s.Error("another catalog was touched")
	}
	if s.Failed() {
		s.FailNow()
	}
	if end.Status == spec.COMPLETED && *r.options.VerifyAfterSync {
		clear(s.lying)
	}
}

// done is what a session did to the products here.
type done struct {
	created, updated, refused int64
	deleted                   held
}

// checkProducts returns what a session did, and reports what it should not have done, or failed to do.
func (s *story) checkProducts(r *run, end spec.Session, theirs, ours held) (did done) {
	s.Helper()
	completed := end.Status == spec.COMPLETED
	did.deleted = held{}
	ids := slices.Sorted(maps.Keys(r.before))
	for id := range theirs {
		if _, here := r.before[id]; !here {
			ids = append(ids, id)
		}
	}
	for id := range ours {
		if _, here := r.before[id]; !here && theirs[id].ID == "" && !r.touched[id] {
			s.Errorf("%s came from nowhere: %+v", id, ours[id])
		}
	}
	for _, id := range ids {
		their, there := theirs[id]
		was, before := r.before[id]
		is, here := ours[id]
		_, valid := content(their)
		untouched := before == here && same(was, is) && is.OriginNodeID == was.OriginNodeID && is.UpdatedAt.Equal(was.UpdatedAt)
		brought := here && same(is, their) && is.OriginNodeID == nodetest.Branch
		if there && !valid {
			did.refused++
		}
		switch {
		case r.touched[id]:
		case !there || !valid: // a refused product is not missing
			mayGo := !there && before && was.OriginNodeID == nodetest.Branch && *r.options.DeleteMissing && (r.approved == nil || r.approved[id])
			_, good := content(was)
			switch {
			case !here && mayGo:
				did.deleted[id] = was
			case !untouched:
				s.Errorf("%s is not at the source, and was touched here:\n was %+v\n is %+v", id, was, is)
			case completed && mayGo && good && end.DeletesWithheld == 0:
				s.Errorf("%s is no longer at the source, and still here: %+v", id, is)
			}
		case before && same(was, their):
			if !untouched && !s.lying[id] {
				s.Errorf("%s was equal, and was touched:\n was %+v\n is %+v", id, was, is)
			}
		case brought && !before:
			did.created++
		case brought:
			did.updated++
		case completed:
			s.Errorf("%s is not as at the source:\n there %+v\n here %+v", id, their, is)
		case !untouched:
			s.Errorf("%s is neither as at the source nor as it was:\n there %+v\n was %+v\n is %+v", id, their, was, is)
		}
		_, fit := content(is)
		if c, _ := content(is); completed && here && there && valid && !r.touched[id] && (!fit || c.Hash != is.Hash) {
			s.Errorf("%s has hash %s, and its content %s", id, is.Hash, c.Hash)
		}
	}
	return did
}

// checkFigures compares what a session says it did with what it did.
func (s *story) checkFigures(r *run, end spec.Session, theirs held, did done) {
	s.Helper()
	all := int64(len(theirs))
	lying := int64(len(s.lying)) // they may count as unchanged and be written by the verification, or the other way round
	switch {
	case end.Created != did.created, max(end.Updated-did.updated, did.updated-end.Updated) > lying, end.Deleted != int64(len(did.deleted)):
		s.Errorf("created %d, updated %d, deleted %d: %s", did.created, did.updated, len(did.deleted), nodetest.Show(end))
	case end.DeletesWithheld > 0 && (len(did.deleted) > 0 || value(end.Outcome) != spec.OutcomeDeletesWithheld):
		s.Errorf("some were deleted, and others withheld: %s", nodetest.Show(end))
	case end.TransferredRecords != end.Created+end.Updated+end.Unchanged:
		s.Errorf("the counters do not add up: %s", nodetest.Show(end))
	case end.Status != spec.COMPLETED:
	case end.TransferredRecords+end.Rejected+end.ResumedRecords != all, value(end.TotalRecords) != all, end.Progress != 100:
		s.Errorf("the source has %d: %s", all, nodetest.Show(end))
	case end.ResumedRecords == 0 && end.Rejected != did.refused:
		s.Errorf("%d are refused: %s", did.refused, nodetest.Show(end))
	case end.Rejected == 0 && end.DeletesWithheld == 0 && end.ResumedRecords == 0 && value(end.Outcome) != spec.OutcomeClean:
		s.Errorf("the outcome is not clean: %s", nodetest.Show(end))
	}
}

// checkCertificates compares the certificates of a verification with what both sides held then, before anything was deleted.
func (s *story) checkCertificates(r *run, end spec.Session, theirs, ours held, did done) {
	s.Helper()
	if end.Status != spec.COMPLETED || !*r.options.VerifyAfterSync {
		return
	}
	a := s.Main.Call("alice", http.MethodGet, nodetest.StartPath+"/"+end.SessionId.String()+"/receipt", "")
	receipt, err := nodetest.Decode[spec.ReceiptResponse](a)
	if err != nil {
		s.Fatal(err)
	}
	got := receipt.Receipt.Certificates
	if got == nil || got.Source == nil || got.Target == nil {
		s.Errorf("no certificates: %s", a.Body)
		return
	}
	if want := certificateOf(theirs); *got.Source != want {
		s.Errorf("the source's certificate is %v, want %v", *got.Source, want)
	}
	if r.troubled && len(did.deleted) > 0 {
		return // verified again after some were deleted
	}
	then := maps.Clone(ours)
	maps.Copy(then, did.deleted)
	if want := certificateOf(then); *got.Target != want {
		s.Errorf("the certificate here is %v, want %v", *got.Target, want)
	}
}
