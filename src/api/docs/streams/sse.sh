curl -N 'http://127.0.0.1:8080/stream?after=0' \
  -H "Authorization: Bearer $TOKEN"
